import { randomUUID } from "node:crypto";
import {
  type JsonObject,
  type JsonValue,
  type MessageInitShape,
  create,
  fromJson,
  toJsonString,
} from "@bufbuild/protobuf";
import { type Path, isFieldError } from "@bufbuild/protobuf/reflect";
import { type Timestamp, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { createValidator } from "@bufbuild/protovalidate";
import { type FieldFault, InvalidEvent, UnknownSchemaVersion } from "./errors.js";
import { type Envelope, EnvelopeSchema, type EnvelopeValid } from "./gen/oo/events/v1/envelope_pb.js";

/** The version of the contract that this package writes and reads. */
export const SCHEMA_VERSION = "v1";

/** The streams refuse a larger event. */
const MAX_BYTES = 1_000_000;

/**
 * What travels on oO's bus: who said what about whom, and when.
 *
 * Exactly one event is set: switch over `event.case` to read `event.value`.
 */
export type NormalizedEvent = EnvelopeValid & { event: { case: string } };

/** The fact to tell, as `{ case: "tipReacted", value: { … } }`. */
export type NewFact = Exclude<NonNullable<MessageInitShape<typeof EnvelopeSchema>["event"]>, { case?: undefined }>;

/** What {@link normalizedEvent} makes an event of. */
export interface NewEvent {
  /** The program that tells the event, such as `"recommender"`. */
  readonly producer: string;
  readonly tenantId: string;
  /** The person that the fact is about, unique within the tenant. */
  readonly userId: string;
  /** The moment of the fact itself, not of its sending. A `Timestamp` keeps nanoseconds. */
  readonly occurredAt: Date | Timestamp;
  readonly event: NewFact;
  /** A new UUID by default. Pass your own when the same fact may be told twice, so that the bus keeps it once. */
  readonly eventId?: string;
}

const validator = createValidator();

/**
 * An event, checked against the constraints in `proto/oo/events/v1`.
 *
 * @example
 * normalizedEvent({
 *   producer: "recommender", tenantId: "tips", userId: "ada", occurredAt: new Date(),
 *   event: { case: "tipReacted", value: { decisionId, tipId, kind: ReactionKind.CLICKED } },
 * });
 *
 * @throws {@link InvalidEvent} names the fields that do not fit.
 */
export function normalizedEvent(fact: NewEvent): NormalizedEvent {
  return checked(
    create(EnvelopeSchema, {
      eventId: fact.eventId ?? randomUUID(),
      schemaVersion: SCHEMA_VERSION,
      producer: fact.producer,
      occurredAt: timestamp(fact.occurredAt),
      tenantId: fact.tenantId,
      userId: fact.userId,
      event: fact.event,
    }),
  );
}

/**
 * The bytes to publish on the event's subject, with the header `Nats-Msg-Id` set to its `eventId`: compact JSON in the
 * proto3 mapping.
 *
 * Checks again, because an event can be changed after it was made.
 *
 * @throws {@link InvalidEvent} names the fields that do not fit, or says that the event is over 1,000,000 bytes.
 */
export function encode(event: NormalizedEvent): Uint8Array {
  let json: string;
  try {
    json = toJsonString(EnvelopeSchema, checked(event));
  } catch (error) {
    throw invalid(error);
  }
  const bytes = new TextEncoder().encode(json);
  if (bytes.length > MAX_BYTES) {
    throw new InvalidEvent(`the event has ${bytes.length} bytes, and the bus takes ${MAX_BYTES}`);
  }
  return bytes;
}

/**
 * The event in these bytes. Fields that this version does not know are ignored.
 *
 * @throws {@link UnknownSchemaVersion} it was written against another version of the contract.
 * @throws {@link InvalidEvent} it is not JSON, or not an event; names the fields.
 */
export function decode(bytes: Uint8Array): NormalizedEvent {
  let json: JsonValue;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as JsonValue;
  } catch (error) {
    throw new InvalidEvent("the event is no JSON in UTF-8", [], { cause: error });
  }
  // Asked before all else: what another version looks like is not ours to judge.
  const version = versionOf(json);
  if (version !== undefined && version !== SCHEMA_VERSION) {
    throw new UnknownSchemaVersion(version, SCHEMA_VERSION);
  }
  try {
    return checked(fromJson(EnvelopeSchema, withoutNulls(json), { ignoreUnknownFields: true }));
  } catch (error) {
    throw invalid(error);
  }
}

function timestamp(moment: Date | Timestamp): Timestamp {
  if (!(moment instanceof Date)) {
    return moment;
  }
  if (Number.isNaN(moment.getTime())) {
    throw invalidAt([{ field: "occurredAt", message: "is an invalid Date" }]);
  }
  return timestampFromDate(moment);
}

/** Null is absent in the mapping, also for an event, where the library would count it as a second one. */
function withoutNulls(json: JsonValue): JsonValue {
  return isObject(json) ? Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null)) : json;
}

function versionOf(json: JsonValue): string | undefined {
  if (!isObject(json)) {
    return undefined;
  }
  // The mapping lets a writer use either name.
  const version = json["schemaVersion"] ?? json["schema_version"];
  return typeof version === "string" ? version : undefined;
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function checked(envelope: Envelope): NormalizedEvent {
  const result = validator.validate(EnvelopeSchema, envelope);
  switch (result.kind) {
    case "valid":
      // The constraint on the oneof has been checked, which the generated type does not say.
      return result.message as NormalizedEvent;
    case "invalid":
      throw invalidAt(result.violations.map(({ field, message }) => ({ field: pathName(field), message })));
    case "error":
      throw invalid(result.error);
  }
}

/** `scoreDecided.ranking[0].tipId`, as one would write it in TypeScript. */
function pathName(path: Path): string {
  return path.reduce((name, part) => {
    switch (part.kind) {
      case "list_sub":
        return `${name}[${part.index}]`;
      case "map_sub":
        return `${name}[${JSON.stringify(String(part.key))}]`;
      case "extension":
        return `${name}[${part.typeName}]`;
      case "field":
        return name === "" ? part.localName : `${name}.${part.localName}`;
      case "oneof":
        return name === "" ? part.localName : `${name}.${part.localName}`;
    }
  }, "");
}

function invalidAt(faults: readonly FieldFault[], cause?: unknown): InvalidEvent {
  const named = faults.map(({ field, message }) => `${field}: ${message}`).join("; ");
  return new InvalidEvent(`the event does not fit the contract: ${named}`, faults, { cause });
}

/** The library's error as ours: it keeps the field in its cause. */
function invalid(error: unknown): InvalidEvent {
  if (error instanceof InvalidEvent) {
    return error;
  }
  const { cause, message } = error as Error;
  return isFieldError(cause)
    ? invalidAt([{ field: cause.field().localName, message: cause.message }], error)
    : new InvalidEvent(`the event does not fit the contract: ${message}`, [], { cause: error });
}
