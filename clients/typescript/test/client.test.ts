import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test, type TestContext } from "node:test";
import {
  DecisionConflict,
  InvalidPromptVersions,
  InvalidRequest,
  OOClient,
  type OOClientOptions,
  OOError,
  Overloaded,
  ProtocolError,
  promptVersionFor,
  RequestFailed,
  type ScoreRequest,
  TimedOut,
  Unavailable,
} from "../src/index.js";
import { backoffMs, parseRetryAfter } from "../src/retry.js";

const ID = "0197f3c4-9d20-7c55-8a57-0d6a3f1b2c3d";
const QUESTION: ScoreRequest = {
  tenant_id: "tips",
  user_id: "ada",
  candidates: [{ tip_id: "walk" }, { tip_id: "nap" }],
};

type Body = Record<string, unknown>;
type Step = (response: ServerResponse, body: Body) => unknown;

/** A real server that answers its n-th request by the n-th step, and all later ones by the last. */
async function serve(
  t: TestContext,
  ...steps: Step[]
): Promise<{ url: string; asked: Body[]; paths: string[]; tokens: (string | undefined)[] }> {
  const asked: Body[] = [];
  const paths: string[] = [];
  const tokens: (string | undefined)[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (part: string) => (text += part));
    request.on("end", () => {
      const body = JSON.parse(text) as Body;
      asked.push(body);
      paths.push(`${request.method} ${request.url}`);
      tokens.push(request.headers.authorization);
      steps[Math.min(asked.length, steps.length) - 1]!(response, body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, paths, tokens };
}

const decided: Step = (response, body) =>
  answer(200, { decision_id: body["request_id"], tip_id: "walk" })(response, body);
const hangs: Step = () => undefined;
const breaksOff: Step = (response) => response.socket!.destroy();
const driesUp: Step = (response) => response.writeHead(200, { "content-length": "999" }).write("{");
const breaksOffInTheMiddle: Step = (response) =>
  response.writeHead(200, { "content-length": "999" }).write("{", () => response.destroy());

function answer(status: number, content: unknown, headers: Record<string, string> = {}): Step {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  return (response) => response.writeHead(status, { "content-type": "application/json", ...headers }).end(text);
}

function refusal(status: number, code: string, fields: unknown[] = []): Step {
  return answer(status, { error: { code, message: `no: ${code}`, fields } });
}

function clientOf(url: string, options: Partial<OOClientOptions> = {}): OOClient {
  return new OOClient({ scorerUrl: url, generatorUrl: url, ...options });
}

/** The error that the call fails with, which has to be a `Kind`. */
async function failure<E extends OOError>(
  call: Promise<unknown>,
  Kind: abstract new (...args: never[]) => E,
): Promise<E> {
  const error = await call.then(
    () => assert.fail("the call succeeded"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Kind, String(error));
  return error;
}

delete process.env["TIP_PROMPT_VERSION"];

describe("OOClient", { concurrency: 8 }, () => {
  test("a question gets its answer", async (t) => {
    const { url, asked, paths } = await serve(t, decided);
    const decision = await clientOf(url).score({ ...QUESTION, request_id: ID });
    assert.equal(decision.decision_id, ID);
    assert.equal(decision.tip_id, "walk");
    assert.deepEqual(asked, [{ ...QUESTION, request_id: ID }]);
    assert.deepEqual(paths, ["POST /score"]);
  });

  test("a service may live below a path, with or without a slash at its end", async (t) => {
    const { url, paths } = await serve(t, decided);
    const client = new OOClient({ scorerUrl: `${url}/ml/scorer/`, generatorUrl: `${url}/ml/generator` });
    await client.score(QUESTION);
    await client.generate({ tenant_id: "tips", user_id: "ada" });
    assert.deepEqual(paths, ["POST /ml/scorer/score", "POST /ml/generator/generate"]);
  });

  test("a question without an id gets a UUID, another one for each question", async (t) => {
    const { url, asked } = await serve(t, decided);
    const client = clientOf(url);
    await client.score(QUESTION);
    await client.score({ ...QUESTION, request_id: null });
    const [first, second] = asked.map((body) => body["request_id"]);
    assert.match(String(first), /^[0-9a-f-]{36}$/);
    assert.match(String(second), /^[0-9a-f-]{36}$/);
    assert.notEqual(first, second);
  });

  for (const [what, step] of [
    ["503", answer(503, "<html>busy</html>")],
    ["502", answer(502, "")],
    ["504", answer(504, { error: "not in time" })],
    ["429", answer(429, "")],
    ["a broken connection", breaksOff],
    ["an attempt that hangs", hangs],
    ["an answer that breaks off", breaksOffInTheMiddle],
    ["an answer that dries up", driesUp],
  ] as const satisfies readonly (readonly [string, Step])[]) {
    test(`after ${what} the same question is asked again, with the same id`, async (t) => {
      const { url, asked } = await serve(t, step, decided);
      const decision = await clientOf(url, { attemptTimeoutMs: 400, timeoutMs: 20_000 }).score(QUESTION);
      assert.equal(asked.length, 2);
      assert.deepEqual(asked[1], asked[0]);
      assert.equal(decision.decision_id, asked[0]!["request_id"]);
    });
  }

  test("what keeps failing is given up after the retries, as what it is", async (t) => {
    const busy = await serve(t, answer(503, "<html>busy</html>"));
    const unavailable = await failure(clientOf(busy.url, { retries: 1 }).score(QUESTION), Unavailable);
    assert.equal(unavailable.status, 503);
    assert.equal(unavailable.requestId, busy.asked[0]!["request_id"]);
    assert.equal(busy.asked.length, 2);

    const broken = await serve(t, breaksOff);
    const unreachable = await failure(clientOf(broken.url, { retries: 0 }).score(QUESTION), Unavailable);
    assert.equal(unreachable.status, undefined);
    assert.ok(unreachable.cause instanceof Error);
    assert.equal(broken.asked.length, 1);
  });

  test("nobody listening is unavailable", async () => {
    const gone = createServer().listen(0, "127.0.0.1");
    await once(gone, "listening");
    const { port } = gone.address() as AddressInfo;
    gone.close();
    await once(gone, "close");
    await failure(clientOf(`http://127.0.0.1:${port}`).score(QUESTION), Unavailable);
  });

  test("a server error that may be no passing one is not asked again", async (t) => {
    const { url, asked } = await serve(t, answer(500, "Internal Server Error"));
    assert.equal((await failure(clientOf(url).score(QUESTION), Unavailable)).status, 500);
    assert.equal(asked.length, 1);
  });

  test("attempts that hang end in TimedOut, which holds the id to ask again with", async (t) => {
    const { url, asked } = await serve(t, hangs);
    const error = await failure(clientOf(url, { attemptTimeoutMs: 300 }).score(QUESTION), TimedOut);
    assert.equal(asked.length, 3);
    assert.equal(error.requestId, asked[0]!["request_id"]);
  });

  test("the whole call ends in time, however patient an attempt may be", async (t) => {
    const { url, asked } = await serve(t, hangs);
    const started = performance.now();
    const client = clientOf(url, { attemptTimeoutMs: 60_000, retries: 9 });
    await failure(client.score(QUESTION, { timeoutMs: 300 }), TimedOut);
    assert.ok(performance.now() - started < 10_000);
    assert.equal(asked.length, 1);
  });

  test("a call's own limits go before the client's", async (t) => {
    const { url } = await serve(t, hangs);
    const client = clientOf(url, { timeoutMs: 60_000, attemptTimeoutMs: 60_000, retries: 0 });
    const started = performance.now();
    await failure(client.score(QUESTION, { attemptTimeoutMs: 30 }), TimedOut);
    assert.ok(performance.now() - started < 10_000);
  });

  test("Retry-After is waited for", async (t) => {
    const { url } = await serve(t, answer(429, "", { "retry-after": "1" }), decided);
    const started = performance.now();
    await clientOf(url, { timeoutMs: 20_000 }).score(QUESTION);
    assert.ok(performance.now() - started >= 990);
  });

  test("a Retry-After past the time that is left ends the call at once", async (t) => {
    const { url, asked } = await serve(t, answer(429, "", { "retry-after": "60" }));
    const started = performance.now();
    const error = await failure(clientOf(url).score(QUESTION), Overloaded);
    assert.equal(error.retryAfterMs, 60_000);
    assert.equal(asked.length, 1);
    assert.ok(performance.now() - started < 10_000);
  });

  test("an invalid request names its fields and is not asked again", async (t) => {
    const fields = [{ field: "candidates.0.tip_id", message: "too short" }];
    const { url, asked } = await serve(t, refusal(422, "invalid_body", fields));
    const error = await failure(clientOf(url).score(QUESTION), InvalidRequest);
    assert.equal(error.status, 422);
    assert.equal(error.code, "invalid_body");
    assert.deepEqual(error.fields, fields);
    assert.match(error.message, /candidates\.0\.tip_id: too short/);
    assert.equal(asked.length, 1);
  });

  test("a body over the limit is an invalid request", async (t) => {
    const { url } = await serve(t, refusal(413, "body_too_large"));
    assert.equal((await failure(clientOf(url).score(QUESTION), InvalidRequest)).status, 413);
  });

  test("the token goes along with every attempt, and without one nothing does", async (t) => {
    const { url, tokens } = await serve(t, answer(503, ""), decided);
    await clientOf(url, { token: " secret-1\n" }).score(QUESTION);
    await clientOf(url).generate({ tenant_id: "tips", user_id: "ada" });
    assert.deepEqual(tokens, ["Bearer secret-1", "Bearer secret-1", undefined]);
  });

  test("a token that was replaced is used from the next attempt on", async (t) => {
    let token = "old";
    const { url, tokens } = await serve(t, (response) => ((token = "new"), answer(503, "")(response, {})), decided);
    await clientOf(url, { token: () => token }).score(QUESTION);
    assert.deepEqual(tokens, ["Bearer old", "Bearer new"]);
  });

  for (const [status, code] of [
    [401, "unauthorized"],
    [403, "tenant_not_allowed"],
  ] as const) {
    test(`a ${status} is an invalid request of that code and is not asked again`, async (t) => {
      const { url, asked } = await serve(t, refusal(status, code));
      const error = await failure(clientOf(url, { token: "secret-1" }).score(QUESTION), InvalidRequest);
      assert.equal(error.status, status);
      assert.equal(error.code, code);
      assert.ok(!error.message.includes("secret-1"));
      assert.equal(asked.length, 1);
    });
  }

  test("what is no token is refused without a word of it, and nothing is sent", async (t) => {
    const { url, asked } = await serve(t, decided);
    for (const token of ["", " ", "secret\n1", "secrét"]) {
      assert.throws(
        () => clientOf(url, { token }),
        (error) => error instanceof TypeError && /token is none/.test(error.message) && !error.message.includes("secr"),
      );
      const error = await failure(clientOf(url, { token: () => token }).score(QUESTION), InvalidRequest);
      assert.equal(error.code, "unauthorized");
      assert.equal(error.status, undefined);
      assert.ok(!error.message.includes("secr"));
    }
    assert.equal(asked.length, 0);
  });

  test("a 429 of the services is Overloaded, with the time to wait", async (t) => {
    const step = answer(429, { error: { code: "too_many_requests", message: "later", fields: [] } }, { "retry-after": "7" });
    const { url } = await serve(t, step);
    const error = await failure(clientOf(url, { retries: 0 }).score(QUESTION), Overloaded);
    assert.equal(error.retryAfterMs, 7_000);
    assert.match(error.message, /later/);
  });

  test("an id that named another question is a conflict and is not asked again", async (t) => {
    const { url, asked } = await serve(t, refusal(409, "decision_conflict"));
    const error = await failure(clientOf(url).score({ ...QUESTION, request_id: ID }), DecisionConflict);
    assert.equal(error.requestId, ID);
    assert.equal(asked.length, 1);
  });

  for (const [what, step, status] of [
    ["truncated JSON", answer(200, '{"decision_id": "'), 200],
    ["a page", answer(200, "<html>hello</html>", { "content-type": "text/html" }), 200],
    ["JSON of another program", answer(200, { hello: "world" }), 200],
    ["null", answer(200, "null"), 200],
    ["a page that was not found", answer(404, "<html>not found</html>"), 404],
    ["another address", answer(302, "", { location: "/elsewhere" }), 302],
  ] as const satisfies readonly (readonly [string, Step, number])[]) {
    test(`an answer of ${what} is a protocol error and is not asked again`, async (t) => {
      const { url, asked } = await serve(t, step);
      const error = await failure(clientOf(url).score(QUESTION), ProtocolError);
      assert.equal(error.status, status);
      assert.match(error.message, /right URL/);
      assert.equal(asked.length, 1);
    });
  }

  test("every failure of a call is a RequestFailed", async (t) => {
    const refusals = [refusal(422, "unknown_tenant"), refusal(409, "decision_conflict")];
    for (const step of [...refusals, answer(500, ""), answer(200, ""), answer(429, "")]) {
      const { url } = await serve(t, step);
      await failure(clientOf(url, { retries: 0 }).score(QUESTION), RequestFailed);
    }
  });

  test("the caller's abort ends a call at once, with the caller's reason", async (t) => {
    const { url, asked } = await serve(t, () => controller.abort(reason));
    const reason = new Error("the person left");
    const controller = new AbortController();
    const started = performance.now();
    const client = clientOf(url, { timeoutMs: 60_000, attemptTimeoutMs: 60_000 });
    await assert.rejects(client.score(QUESTION, { signal: controller.signal }), (error) => error === reason);
    assert.ok(performance.now() - started < 10_000);
    assert.equal(asked.length, 1);
  });

  test("the caller's abort ends a pause between attempts", async (t) => {
    const { url, asked } = await serve(t, answer(503, "", { "retry-after": "60" }));
    const started = performance.now();
    const call = clientOf(url, { timeoutMs: 120_000 }).score(QUESTION, { signal: AbortSignal.timeout(400) });
    await assert.rejects(call, { name: "TimeoutError" });
    assert.ok(performance.now() - started < 10_000);
    assert.equal(asked.length, 1);
  });

  test("a signal that has aborted before asks nothing", async (t) => {
    const { url, asked } = await serve(t, decided);
    await assert.rejects(clientOf(url).score(QUESTION, { signal: AbortSignal.abort() }), { name: "AbortError" });
    assert.equal(asked.length, 0);
  });

  test("what JSON would change in silence is not sent", async (t) => {
    const { url, asked } = await serve(t, decided);
    const client = clientOf(url);
    const number = await failure(client.score({ ...QUESTION, context: { hour: NaN } }), InvalidRequest);
    assert.deepEqual(number.fields.map((fault) => fault.field), ["hour"]);
    assert.equal(number.status, undefined);
    const id = await failure(client.score({ ...QUESTION, request_id: "my-17th" }), InvalidRequest);
    assert.deepEqual(id.fields.map((fault) => fault.field), ["request_id"]);
    assert.equal(asked.length, 0);
  });

  test("generate asks for the person's prompt version, unless the request names one", async (t) => {
    const { url, asked } = await serve(t, decided);
    const client = clientOf(url, { promptVersions: "v1, v2" });
    const users = Array.from({ length: 8 }, (_, n) => `user-${n}`);
    for (const user_id of users) {
      await client.generate({ tenant_id: "tips", user_id });
    }
    const versions = users.map((user) => promptVersionFor("tips", user, "v1,v2"));
    assert.deepEqual(asked.map((body) => body["prompt_version"]), versions);
    assert.deepEqual(new Set(versions), new Set(["v1", "v2"]));
    await client.generate({ tenant_id: "tips", user_id: "ada", prompt_version: "v7" });
    assert.equal(asked.at(-1)!["prompt_version"], "v7");
  });

  test("the rotation comes from TIP_PROMPT_VERSION, and without it the server chooses", async (t) => {
    const { url, asked } = await serve(t, decided);
    // The tests run side by side: nothing may be awaited while the variable is set.
    process.env["TIP_PROMPT_VERSION"] = "v1,";
    assert.throws(() => clientOf(url), InvalidPromptVersions);
    process.env["TIP_PROMPT_VERSION"] = "v2";
    const rotating = clientOf(url);
    delete process.env["TIP_PROMPT_VERSION"];
    const plain = clientOf(url);

    await rotating.generate({ tenant_id: "tips", user_id: "ada" });
    await plain.generate({ tenant_id: "tips", user_id: "ada" });
    assert.equal(asked[0]!["prompt_version"], "v2");
    assert.ok(!("prompt_version" in asked[1]!));
  });

  test("an address that is none is refused with its name", () => {
    const url = "http://localhost";
    assert.throws(() => new OOClient({ scorerUrl: "", generatorUrl: url }), /scorerUrl is no URL/);
    assert.throws(() => new OOClient({ scorerUrl: url, generatorUrl: "generator" }), /generatorUrl is no URL/);
  });

  test("pauses grow with each retry up to two seconds, and are spread from nothing on", () => {
    const longest = [0, 1, 2, 3, 4, 5, 50].map((repeats) => backoffMs(repeats, 1));
    assert.deepEqual(longest, [100, 200, 400, 800, 1_600, 2_000, 2_000]);
    assert.equal(backoffMs(3, 0), 0);
    assert.equal(backoffMs(3, 0.25), 200);
  });

  test("Retry-After is read as seconds or as a date", () => {
    const now = Date.parse("2026-11-20T07:30:15Z");
    assert.equal(parseRetryAfter("3", now), 3_000);
    assert.equal(parseRetryAfter("Fri, 20 Nov 2026 07:30:25 GMT", now), 10_000);
    assert.equal(parseRetryAfter("Fri, 20 Nov 2026 07:30:05 GMT", now), 0);
    assert.equal(parseRetryAfter("soon", now), undefined);
    assert.equal(parseRetryAfter(null, now), undefined);
  });
});
