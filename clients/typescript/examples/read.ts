import { decode, durationMs } from "@oo/ml-client";

export function describe(message: Uint8Array): string {
  const { userId, event } = decode(message);
  switch (event.case) {
    case "tipExposed":
      return `${userId} saw ${event.value.tipId}`;
    case "sleepRecorded":
      return `${userId} slept ${durationMs(event.value.asleep) / 3_600_000} h`;
    default:
      return `${userId}: ${event.case}`;
  }
}
