import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decode,
  durationFromMs,
  encode,
  InvalidEvent,
  type NewEvent,
  normalizedEvent,
  ReactionKind,
  ServingRole,
  subjectOf,
  SUBJECTS,
  UnknownSchemaVersion,
} from "../src/index.js";
import { NAMES, example } from "./examples.js";

const REACTION: NewEvent = {
  producer: "recommender",
  tenantId: "tips",
  userId: "ada",
  occurredAt: new Date("2026-11-20T07:30:15.123Z"),
  event: { case: "tipReacted", value: { decisionId: "d", tipId: "breathe", kind: ReactionKind.CLICKED } },
};

function bytes(json: unknown): Uint8Array {
  return new TextEncoder().encode(typeof json === "string" ? json : JSON.stringify(json));
}

function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

function jsonOf(type: string): Record<string, unknown> {
  return JSON.parse(text(encode(example(type)))) as Record<string, unknown>;
}

function fieldsOf(make: () => unknown): string[] {
  try {
    make();
  } catch (error) {
    assert.ok(error instanceof InvalidEvent, String(error));
    return error.fields.map((fault) => fault.field);
  }
  return assert.fail("the event was taken");
}

test("an event gets an id of its own and the version of the contract", () => {
  const [first, second] = [normalizedEvent(REACTION), normalizedEvent(REACTION)];
  assert.match(first.eventId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  assert.notEqual(first.eventId, second.eventId);
  assert.equal(first.schemaVersion, "v1");
});

test("a fact that may be told twice keeps the id that its caller gave", () => {
  assert.equal(normalizedEvent({ ...REACTION, eventId: "click-17" }).eventId, "click-17");
});

test("an event is written in the proto3 mapping, absent fields left out", () => {
  assert.equal(
    text(encode(normalizedEvent({ ...REACTION, eventId: "click-17" }))),
    '{"eventId":"click-17","schemaVersion":"v1","producer":"recommender","occurredAt":"2026-11-20T07:30:15.123Z",' +
      '"tenantId":"tips","userId":"ada",' +
      '"tipReacted":{"decisionId":"d","tipId":"breathe","kind":"REACTION_KIND_CLICKED"}}',
  );
});

test("a new event that breaks the contract is refused with the names of its fields", () => {
  const event = { case: "tipReacted", value: { tipId: "x".repeat(257) } } as const;
  assert.deepEqual(fieldsOf(() => normalizedEvent({ ...REACTION, userId: "", event })), [
    "userId",
    "tipReacted.decisionId",
    "tipReacted.tipId",
    "tipReacted.kind",
  ]);
});

test("a fault inside a list is named with its place", () => {
  const decided = example("score_decided");
  assert.ok(decided.event.case === "scoreDecided");
  decided.event.value.ranking[1]!.tipId = "";
  assert.deepEqual(fieldsOf(() => encode(decided)), ["scoreDecided.ranking[1].tipId"]);
});

test("a NUL in a name is refused, since no database keeps it", () => {
  const decided = example("score_decided");
  assert.ok(decided.event.case === "scoreDecided");
  decided.event.value.featureService = "tips@1\0";
  decided.event.value.policy!.name = "\0";
  decided.event.value.model!.version = "3\0";
  decided.event.value.degraded = ["model", "\0model", ""];
  assert.deepEqual(fieldsOf(() => encode(decided)).sort(), [
    "scoreDecided.degraded[1]",
    "scoreDecided.degraded[2]",
    "scoreDecided.degraded[2]",
    "scoreDecided.featureService",
    "scoreDecided.model.version",
    "scoreDecided.policy.name",
  ]);
});

test("an event that was changed for the worse after it was made is not written", () => {
  const event = normalizedEvent(REACTION);
  event.tenantId = "";
  assert.deepEqual(fieldsOf(() => encode(event)), ["tenantId"]);
});

test("time that runs backwards, dates that are none and numbers that are none are refused", () => {
  const asleep = durationFromMs(-1);
  const backwards: NewEvent = { ...REACTION, event: { case: "sleepRecorded", value: { asleep } } };
  assert.deepEqual(fieldsOf(() => normalizedEvent(backwards)), ["sleepRecorded.asleep"]);
  assert.deepEqual(fieldsOf(() => normalizedEvent({ ...REACTION, occurredAt: new Date(NaN) })), ["occurredAt"]);
  const decided = example("score_decided");
  assert.ok(decided.event.case === "scoreDecided");
  decided.event.value.context = { hour: NaN };
  assert.throws(() => encode(decided), InvalidEvent);
});

test("an event without a fact, or with two, is refused", () => {
  const { sessionStarted, ...empty } = jsonOf("session_started");
  assert.deepEqual(fieldsOf(() => decode(bytes(empty))), ["event"]);
  assert.deepEqual(fieldsOf(() => decode(bytes({ ...jsonOf("tip_exposed"), sessionStarted }))), ["event"]);
});

test("an event over the size that the bus takes is refused before it is sent", () => {
  const surface = "x".repeat(1_000_000);
  const event = normalizedEvent({ ...REACTION, event: { case: "sessionStarted", value: { surface } } });
  assert.throws(() => encode(event), /1,?000,?\d+ bytes/);
});

for (const type of NAMES) {
  test(`${type} survives being read and written again`, () => {
    const written = encode(example(type));
    assert.deepEqual(encode(decode(written)), written);
  });
}

test("nanoseconds and 64-bit numbers survive being read and written again", () => {
  const json = jsonOf("score_decided");
  const read = { ...json, occurredAt: "2026-11-20T07:30:15.123456789Z" };
  (read as { scoreDecided?: object }).scoreDecided = {
    ...(json["scoreDecided"] as object),
    signalSequence: "18446744073709551615",
    latency: "0.000000001s",
  };
  assert.deepEqual(JSON.parse(text(encode(decode(bytes(read))))), read);
});

test("fields that are not known are ignored, at any depth", () => {
  const json = jsonOf("tip_exposed");
  const newer = { ...json, since: "later", tipExposed: { ...(json["tipExposed"] as object), screen: { dark: true } } };
  assert.deepEqual(encode(decode(bytes(newer))), encode(example("tip_exposed")));
});

test("null is absent, before the event or after it", () => {
  const exposed = jsonOf("tip_exposed");
  const read = [decode(bytes({ sessionStarted: null, ...exposed })), decode(bytes({ ...exposed, tipReacted: null }))];
  assert.deepEqual(read.map(encode), [encode(example("tip_exposed")), encode(example("tip_exposed"))]);
});

test("another version of the contract is told apart from a broken event, whatever it looks like", () => {
  for (const name of ["schemaVersion", "schema_version"]) {
    assert.throws(
      () => decode(bytes({ [name]: "v2", occurredAt: { seconds: 5 } })),
      (error) => error instanceof UnknownSchemaVersion && error.schemaVersion === "v2",
    );
  }
});

test("a missing version, and what is no event at all, is an invalid event", () => {
  const { schemaVersion: _, ...unversioned } = jsonOf("tip_exposed");
  assert.deepEqual(fieldsOf(() => decode(bytes(unversioned))), ["schemaVersion"]);
  for (const broken of ["", "{", "[]", "null", '"v1"', "7"]) {
    assert.throws(() => decode(bytes(broken)), InvalidEvent, broken);
  }
  const noText = encode(example("session_started"));
  noText[noText.indexOf("i".charCodeAt(0), -8)] = 0xff;
  assert.throws(() => decode(noText), /no JSON in UTF-8/);
});

test("a wrong type is refused with the field's name", () => {
  assert.deepEqual(fieldsOf(() => decode(bytes({ ...jsonOf("tip_exposed"), userId: 7 }))), ["userId"]);
});

test("every event travels on its subject in the table, which a test in Python compares with Python's", () => {
  for (const event of NAMES.map(example)) {
    assert.equal(subjectOf(event), SUBJECTS[event.event.case]);
  }
});

test("a shadow's decisions travel apart", () => {
  for (const [type, subject] of [
    ["score_decided", "decisions.shadow.score"],
    ["generate_decided", "decisions.shadow.generate"],
  ] as const) {
    const { event } = example(type);
    assert.ok(event.case === "scoreDecided" || event.case === "generateDecided");
    event.value.servingRole = ServingRole.SHADOW;
    assert.equal(subjectOf({ ...example(type), event }), subject);
  }
});
