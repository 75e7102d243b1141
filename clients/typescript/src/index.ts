/**
 * oO for TypeScript: publish events to the bus, ask `/score` and `/generate`.
 *
 * @packageDocumentation
 */
export { durationFromMs, durationMs, timestampDate } from "@bufbuild/protobuf/wkt";
export {
  type CallOptions,
  type GenerateRequest,
  type GenerateResponse,
  OOClient,
  type OOClientOptions,
  type ScoreRequest,
  type ScoreResponse,
} from "./client.js";
export {
  DecisionConflict,
  type ErrorCode,
  type FieldFault,
  InvalidEvent,
  InvalidPromptVersions,
  InvalidRequest,
  OOError,
  Overloaded,
  ProtocolError,
  RequestFailed,
  TimedOut,
  Unavailable,
  UnknownSchemaVersion,
} from "./errors.js";
export {
  decode,
  encode,
  type NewEvent,
  type NewFact,
  type NormalizedEvent,
  normalizedEvent,
  SCHEMA_VERSION,
} from "./events.js";
export { ServingRole } from "./gen/oo/events/v1/decision_pb.js";
export { ReactionKind } from "./gen/oo/events/v1/feedback_pb.js";
export * from "./profile/registry.js";
export { promptVersionFor } from "./prompt-rotation.js";
export { type EventCase, SUBJECTS, subjectOf } from "./subjects.js";
