import type { components } from "./gen/http/scorer.js";

/** What is wrong with one field, named as the caller wrote it. */
export interface FieldFault {
  readonly field: string;
  readonly message: string;
}

/** Why a service refuses a request. A later service may know more. */
export type ErrorCode = components["schemas"]["ErrorDetail"]["code"];

/** The base of what this package throws on purpose. Only an abort by the caller's own signal throws that signal's reason. */
export abstract class OOError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The event does not fit the contract, so no reader would take it. `fields` says where. */
export class InvalidEvent extends OOError {
  readonly fields: readonly FieldFault[];

  constructor(message: string, fields: readonly FieldFault[] = [], options?: ErrorOptions) {
    super(message, options);
    this.fields = fields;
  }
}

/** The event was written against a version of the contract that this package does not know: update the package. */
export class UnknownSchemaVersion extends OOError {
  readonly schemaVersion: string;

  constructor(schemaVersion: string, known: string) {
    super(`the event has schemaVersion ${JSON.stringify(schemaVersion)}; this version of @oo/ml-client reads ${known}`);
    this.schemaVersion = schemaVersion;
  }
}

/** `TIP_PROMPT_VERSION` is not one prompt version or a list of different ones. */
export class InvalidPromptVersions extends OOError {}

/**
 * A question to `/score` or `/generate` that got no usable answer.
 *
 * Ask again with `request_id` set to `requestId` and you get the first answer, should there have been one after all.
 */
export abstract class RequestFailed extends OOError {
  readonly requestId: string;

  constructor(requestId: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.requestId = requestId;
  }
}

/**
 * The request has to change before it can succeed: `code` says why for a program, `fields` where. For `unauthorized` and
 * `tenant_not_allowed` it is the token, or what the services let its caller do.
 */
export class InvalidRequest extends RequestFailed {
  /** The HTTP status, or undefined when the client refused the request before it was sent. */
  readonly status: number | undefined;
  readonly code: ErrorCode;
  readonly fields: readonly FieldFault[];

  constructor(
    requestId: string,
    refusal: { status?: number; code: ErrorCode; message: string; fields?: readonly FieldFault[] },
  ) {
    const named = (refusal.fields ?? []).map((fault) => `${fault.field}: ${fault.message}`);
    super(requestId, [refusal.message, ...named].join("; "));
    this.status = refusal.status;
    this.code = refusal.code;
    this.fields = refusal.fields ?? [];
  }
}

/** The request id named another question before. A new question needs a new id. */
export class DecisionConflict extends RequestFailed {}

/** The service has more questions than it can take (429), and still had after the retries. */
export class Overloaded extends RequestFailed {
  /** How long the service asks to be left alone, when it says so. */
  readonly retryAfterMs: number | undefined;

  constructor(requestId: string, message: string, retryAfterMs: number | undefined) {
    super(requestId, message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** The service could not be reached, the connection broke, or it answered with a 5xx. */
export class Unavailable extends RequestFailed {
  /** The HTTP status, or undefined when no whole answer came. */
  readonly status: number | undefined;
  /** How long the service asks to be left alone, when it says so. */
  readonly retryAfterMs: number | undefined;

  constructor(
    requestId: string,
    message: string,
    details: { status?: number; retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(requestId, message, details.cause === undefined ? undefined : { cause: details.cause });
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** No whole answer came in time. The decision may have been made all the same. */
export class TimedOut extends RequestFailed {}

/** Something answered that is not oO: no JSON, or JSON of another shape. Look at the URL and at what stands between. */
export class ProtocolError extends RequestFailed {
  readonly status: number;

  constructor(requestId: string, message: string, status: number, options?: ErrorOptions) {
    super(requestId, message, options);
    this.status = status;
  }
}
