import { randomUUID } from "node:crypto";
import {
  DecisionConflict,
  InvalidRequest,
  Overloaded,
  ProtocolError,
  TimedOut,
  Unavailable,
} from "./errors.js";
import type { components as Generator } from "./gen/http/generator.js";
import type { components as Scorer } from "./gen/http/scorer.js";
import { promptVersionFor } from "./prompt-rotation.js";
import { type Patience, parseRetryAfter, retrying } from "./retry.js";

/** Which of these tips should this person see now? */
export type ScoreRequest = Scorer["schemas"]["ScoreRequest"];
/** The chosen tip, and the numbers that it was chosen by. */
export type ScoreResponse = Scorer["schemas"]["ScoreResponse"];
/** Write this person a tip. */
export type GenerateRequest = Generator["schemas"]["GenerateRequest"];
/** The tip, who wrote it and what that took. */
export type GenerateResponse = Generator["schemas"]["GenerateResponse"];

/** How long one call may take. */
export interface CallOptions {
  /** The longest that the call may take, all attempts together. */
  readonly timeoutMs?: number;
  /** The longest that one attempt may take. */
  readonly attemptTimeoutMs?: number;
  /** Ends the call when it aborts; the call then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Where the services are, and how patient the client is. */
export interface OOClientOptions {
  /** Such as `"http://scorer:3000"`; may have a path. */
  readonly scorerUrl: string;
  /** Such as `"http://generator:3001"`; may have a path. */
  readonly generatorUrl: string;
  /** The longest that a call may take, all attempts together; by default 3,000 for `score`, 20,000 for `generate`. */
  readonly timeoutMs?: number;
  /** The longest that one attempt may take; by default 1,000 for `score`, 8,000 for `generate`. */
  readonly attemptTimeoutMs?: number;
  /** How often a failed attempt is repeated: 2 by default. */
  readonly retries?: number;
  /**
   * The caller's token, for services that ask who asks; or what gives it, asked before each attempt, so that a token
   * that was replaced is used from then on. White space around it is left out.
   */
  readonly token?: string | (() => string);
  /** The prompt versions of {@link promptVersionFor}: the environment's `TIP_PROMPT_VERSION` by default. */
  readonly promptVersions?: string;
}

const PATIENCE: Readonly<Record<"score" | "generate", Patience>> = {
  score: { timeoutMs: 3_000, attemptTimeoutMs: 1_000, retries: 2 },
  // The generator gives its language model 5 s, then answers with a template.
  generate: { timeoutMs: 20_000, attemptTimeoutMs: 8_000, retries: 2 },
};
// What a header can hold: `fetch` would name anything else in its error.
const TOKEN = /^[!-~]+$/;
const NO_TOKEN = "it is empty, or has other characters than printable ASCII; see the services' callers file";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Asks `/score` and `/generate`.
 *
 * What may pass is tried again: a broken connection, an attempt that takes too long, 429, 502, 503 and 504, each time
 * with the same `request_id`, so that a question is decided once however often it is asked. An instance holds no
 * connection of its own: make one and share it.
 */
export class OOClient {
  readonly #options: OOClientOptions;
  readonly #promptVersions: string | undefined;

  /**
   * @throws InvalidPromptVersions the prompt versions are no rotation.
   * @throws TypeError an address is no URL, or the token is none.
   */
  constructor(options: OOClientOptions) {
    for (const name of ["scorerUrl", "generatorUrl"] as const) {
      if (!URL.canParse(options[name])) {
        throw new TypeError(`${name} is no URL: ${JSON.stringify(options[name])}; write it like http://localhost:3000`);
      }
    }
    if (typeof options.token === "string" && !TOKEN.test(options.token.trim())) {
      throw new TypeError(`token is none: ${NO_TOKEN}`);
    }
    this.#options = options;
    this.#promptVersions = options.promptVersions ?? process.env["TIP_PROMPT_VERSION"];
    // Refused now rather than at the first question.
    promptVersionFor("", "", this.#promptVersions);
  }

  /**
   * The tip of `candidates` that this person should see now.
   *
   * Keep `decision_id`: exposures and reactions refer to it. `degraded` is empty for a full answer.
   *
   * @throws RequestFailed as one of its kinds: InvalidRequest, DecisionConflict, Overloaded, Unavailable, TimedOut,
   *   ProtocolError.
   */
  async score(request: ScoreRequest, call: CallOptions = {}): Promise<ScoreResponse> {
    return (await this.#ask("score", this.#options.scorerUrl, request, call)) as ScoreResponse;
  }

  /**
   * A tip written for this person, with the prompt version of {@link promptVersionFor} when the request names none.
   *
   * @throws RequestFailed as one of its kinds: InvalidRequest, DecisionConflict, Overloaded, Unavailable, TimedOut,
   *   ProtocolError.
   */
  async generate(request: GenerateRequest, call: CallOptions = {}): Promise<GenerateResponse> {
    const { tenant_id, user_id, prompt_version } = request;
    const version = prompt_version ?? promptVersionFor(tenant_id, user_id, this.#promptVersions);
    const versioned = version === undefined ? request : { ...request, prompt_version: version };
    return (await this.#ask("generate", this.#options.generatorUrl, versioned, call)) as GenerateResponse;
  }

  async #ask(
    route: "score" | "generate",
    base: string,
    request: ScoreRequest | GenerateRequest,
    call: CallOptions,
  ): Promise<unknown> {
    const requestId = request.request_id ?? randomUUID();
    const url = `${base.replace(/\/+$/, "")}/${route}`;
    const body = bodyOf({ ...request, request_id: requestId }, requestId);
    const patience = { ...PATIENCE[route], ...given(this.#options), ...given(call) };
    return retrying(
      (signal) => post(url, body, this.#headers(requestId), requestId, signal),
      (ms) =>
        new TimedOut(requestId, `${url} did not answer in ${ms} ms; allow more, or ask again with the same request_id`),
      patience,
      call.signal,
    );
  }

  #headers(requestId: string): Record<string, string> {
    const headers = { "content-type": "application/json", accept: "application/json" };
    const { token } = this.#options;
    if (token === undefined) {
      return headers;
    }
    const given = (typeof token === "string" ? token : token()).trim();
    if (!TOKEN.test(given)) {
      throw new InvalidRequest(requestId, {
        code: "unauthorized",
        message: `the request was not sent, since its token is none: ${NO_TOKEN}`,
      });
    }
    return { ...headers, authorization: `Bearer ${given}` };
  }
}

/** The limits that are set, without those that are left out. */
function given(limits: Partial<Patience>): Partial<Patience> {
  const { timeoutMs, attemptTimeoutMs, retries } = limits;
  const all = Object.entries({ timeoutMs, attemptTimeoutMs, retries });
  return Object.fromEntries(all.filter(([, limit]) => limit !== undefined));
}

function bodyOf(request: ScoreRequest | GenerateRequest, requestId: string): string {
  if (!UUID.test(requestId)) {
    throw refused(requestId, "request_id", "is no UUID, and only a UUID makes a retry find the first answer");
  }
  return JSON.stringify(request, (key, value: unknown) => {
    // JSON.stringify would write null, which is a missing feature.
    if (typeof value === "number" && !Number.isFinite(value)) {
      throw refused(requestId, key, `is ${value}, and JSON has only finite numbers`);
    }
    return value;
  });
}

function refused(requestId: string, field: string, message: string): InvalidRequest {
  return new InvalidRequest(requestId, {
    code: "invalid_body",
    message: "the request was not sent",
    fields: [{ field, message }],
  });
}

async function post(
  url: string,
  body: string,
  headers: Record<string, string>,
  requestId: string,
  signal: AbortSignal,
): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: "POST",
      headers,
      body,
      signal,
      // Following one may turn the POST into a GET.
      redirect: "manual",
    });
    text = await response.text();
  } catch (error) {
    signal.throwIfAborted();
    throw new Unavailable(requestId, `${url} could not be reached, or broke off`, { cause: error });
  }
  return answer(response, text, url, requestId);
}

function answer(response: Response, text: string, url: string, requestId: string): unknown {
  const { status } = response;
  const json = parsed(text);
  const detail = errorDetail(json);
  const said = `${url} answered ${status}${detail ? `: ${detail.message}` : ""}`;
  const retryAfterMs = parseRetryAfter(response.headers.get("retry-after"), Date.now());
  if (response.ok && isDecision(json)) {
    return json;
  }
  if (status === 429) {
    throw new Overloaded(requestId, said, retryAfterMs);
  }
  if (status >= 500) {
    throw new Unavailable(requestId, said, { status, retryAfterMs });
  }
  if (detail === undefined) {
    const shape = json === undefined ? "no JSON" : "JSON of another shape";
    throw new ProtocolError(requestId, `${said} with ${shape}; is it the right URL?`, status);
  }
  if (status === 409) {
    throw new DecisionConflict(requestId, `${said}; a new question needs a new request_id`);
  }
  throw new InvalidRequest(requestId, { ...detail, status, message: said });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isDecision(json: unknown): boolean {
  return typeof json === "object" && json !== null && "decision_id" in json;
}

/** What `{"error": {"code", "message", "fields"}}` says; undefined when this is none. */
function errorDetail(json: unknown): Scorer["schemas"]["ErrorDetail"] | undefined {
  const error = (json as Partial<Scorer["schemas"]["ErrorBody"]> | null | undefined)?.error;
  return typeof error?.code === "string" && Array.isArray(error.fields) ? error : undefined;
}
