// One event of every type with every field set: the same as tests/envelopes.py, by the same names.
import {
  durationFromMs,
  type NewFact,
  type NormalizedEvent,
  normalizedEvent,
  ReactionKind,
  ServingRole,
} from "../src/index.js";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";

export const DECISION_ID = "0197f3c4-9d20-7c55-8a57-0d6a3f1b2c3d";

const MOMENT = { ...timestampFromDate(new Date("2026-11-20T07:30:15Z")), nanos: 123_456_000 };

const FACTS: Readonly<Record<string, NewFact>> = {
  session_started: { case: "sessionStarted", value: { surface: "ios" } },
  activity_completed: { case: "activityCompleted", value: { activity: "walk", duration: durationFromMs(1_860_250) } },
  calendar_day_summarized: {
    case: "calendarDaySummarized",
    value: { busy: durationFromMs(5.5 * 3_600_000), meetings: 6 },
  },
  sleep_recorded: { case: "sleepRecorded", value: { asleep: { seconds: 25_200n, nanos: 1_000 } } },
  tip_exposed: { case: "tipExposed", value: { decisionId: DECISION_ID, tipId: "breathe" } },
  tip_reacted: {
    case: "tipReacted",
    value: { decisionId: DECISION_ID, tipId: "breathe", kind: ReactionKind.COMPLETED },
  },
  score_decided: {
    case: "scoreDecided",
    value: {
      decisionId: DECISION_ID,
      servingRole: ServingRole.STABLE,
      candidates: [{ tipId: "breathe", features: { minutes: 3, topic: "calm" } }, { tipId: "walk" }],
      profileFeatures: { age_band: "30-39", premium: true, height: null },
      context: { hour: 7.5, screen: { dark: false }, recent: ["walk", 2] },
      signalFeatures: { sessions_7d: 4 },
      signalSequence: 2n ** 53n + 1n,
      ranking: [
        { tipId: "walk", score: 0.25, probability: 0.05 },
        { tipId: "breathe", probability: 0.95 },
      ],
      tipId: "breathe",
      propensity: 0.95,
      policy: { name: "epsilon_greedy", version: "1" },
      policyState: { breathe: { exposures: 10, reward_sum: 4 } },
      model: { name: "tips", version: "3", digest: "ab".repeat(32) },
      featureService: "tips@1",
      experiment: { name: "first", variant: "greedy" },
      degraded: ["no_signal_features"],
      latency: { seconds: 0n, nanos: 870_000 },
    },
  },
  generate_decided: {
    case: "generateDecided",
    value: {
      decisionId: DECISION_ID,
      servingRole: ServingRole.CANARY,
      profileFeatures: { goal: "sleep" },
      signalFeatures: { sleep_hours_last: 6.5 },
      promptVersion: "v1",
      promptHash: "cd".repeat(32),
      tipId: "generated-1",
      title: "Früh ins Bett",
      body: "Put the phone away at ten.",
      model: { name: "a-language-model" },
      promptTokens: 412,
      completionTokens: 38,
      costUsd: 0.00021,
      degraded: ["template"],
      latency: durationFromMs(1_005),
    },
  },
  score_decided_with_written_tip: {
    case: "scoreDecided",
    value: {
      decisionId: DECISION_ID,
      servingRole: ServingRole.STABLE,
      candidates: [{ tipId: "breathe", features: { minutes: 3, topic: "calm" }, promptVersion: "v2" }, { tipId: "walk" }],
      profileFeatures: { age_band: "30-39", premium: true, height: null },
      context: { hour: 7.5, screen: { dark: false }, recent: ["walk", 2] },
      signalFeatures: { sessions_7d: 4 },
      signalSequence: 2n ** 53n + 1n,
      ranking: [
        { tipId: "walk", score: 0.25, probability: 0.05 },
        { tipId: "breathe", probability: 0.95 },
      ],
      tipId: "breathe",
      propensity: 0.95,
      policy: { name: "epsilon_greedy", version: "1" },
      policyState: { breathe: { exposures: 10, reward_sum: 4 } },
      model: { name: "tips", version: "3", digest: "ab".repeat(32) },
      featureService: "tips@1",
      experiment: { name: "first", variant: "greedy" },
      degraded: ["no_signal_features"],
      latency: { seconds: 0n, nanos: 870_000 },
    },
  },
  generate_decided_with_alternatives: {
    case: "generateDecided",
    value: {
      decisionId: DECISION_ID,
      servingRole: ServingRole.CANARY,
      profileFeatures: { goal: "sleep" },
      signalFeatures: { sleep_hours_last: 6.5 },
      promptVersion: "v1",
      promptHash: "cd".repeat(32),
      tipId: "generated-1",
      title: "Früh ins Bett",
      body: "Put the phone away at ten.",
      model: { name: "a-language-model" },
      promptTokens: 412,
      completionTokens: 38,
      costUsd: 0.00021,
      degraded: ["template"],
      latency: durationFromMs(1_005),
      language: "en",
      topic: "rest",
      alternatives: [
        { tipId: "generated-2", title: "Read a page", body: "On paper.", language: "en", topic: "rest" },
        { tipId: "generated-3", title: "Breathe", body: "Slowly." },
      ],
      cached: true,
      repaired: true,
      refusals: ["title_length"],
      withheld: ["topic"],
      experiment: { name: "prompts", variant: "short" },
    },
  },
};

/** The names of the examples. A golden file is never edited, so another example of an event has a name of its own. */
export const NAMES: readonly string[] = Object.keys(FACTS);

/** The example of this name: `"session_started"`, … */
export function example(name: string): NormalizedEvent {
  const event = FACTS[name];
  if (event === undefined) {
    throw new Error(`no example is called ${name}; there are: ${NAMES.join(", ")}`);
  }
  return normalizedEvent({
    eventId: `example-${name}`,
    producer: "tests",
    occurredAt: MOMENT,
    tenantId: "tips",
    userId: "ada",
    event,
  });
}
