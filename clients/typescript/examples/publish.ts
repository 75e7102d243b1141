import { encode, normalizedEvent, ReactionKind, subjectOf } from "@oo/ml-client";

/** What is needed of the `jetstream(connection)` of `@nats-io/jetstream`. */
interface JetStream {
  publish(subject: string, payload: Uint8Array, options: { msgID: string }): Promise<unknown>;
}

export async function tellClick(jetstream: JetStream, decisionId: string, tipId: string): Promise<void> {
  const event = normalizedEvent({
    producer: "recommender",
    tenantId: "example",
    userId: "ada",
    occurredAt: new Date(),
    event: { case: "tipReacted", value: { decisionId, tipId, kind: ReactionKind.CLICKED } },
  });
  await jetstream.publish(subjectOf(event), encode(event), { msgID: event.eventId });
}
