import type { NormalizedEvent } from "./events.js";
import { ServingRole } from "./gen/oo/events/v1/decision_pb.js";

/** The name of an event in {@link NormalizedEvent}, such as `"tipReacted"`. */
export type EventCase = NormalizedEvent["event"]["case"];

/** Which event travels where: the same table as `src/oo/events/subjects.py`, which a test proves. */
export const SUBJECTS: Readonly<Record<EventCase, string>> = {
  sessionStarted: "signals.session_started",
  activityCompleted: "signals.activity_completed",
  calendarDaySummarized: "integration.calendar_day_summarized",
  sleepRecorded: "integration.sleep_recorded",
  tipExposed: "feedback.tip_exposed",
  tipReacted: "feedback.tip_reacted",
  scoreDecided: "decisions.score",
  generateDecided: "decisions.generate",
};

/** The NATS subject that this event is published on. A shadow's decisions travel apart, below `decisions.shadow.`. */
export function subjectOf({ event }: NormalizedEvent): string {
  const subject = SUBJECTS[event.case];
  const byShadow = "servingRole" in event.value && event.value.servingRole === ServingRole.SHADOW;
  return byShadow ? subject.replace("decisions.", "decisions.shadow.") : subject;
}
