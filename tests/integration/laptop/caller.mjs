// A TypeScript caller: asks for a tip, asks again, has one written, and says on standard output what it was told and what
// it would publish. `node caller.mjs SCORER_URL GENERATOR_URL`
import {
  encode,
  InvalidRequest,
  normalizedEvent,
  OOClient,
  ReactionKind,
  subjectOf,
} from "../../../clients/typescript/dist/src/index.js";

const [scorerUrl, generatorUrl] = process.argv.slice(2);
const oo = new OOClient({ scorerUrl, generatorUrl });
const person = { tenant_id: "example", user_id: `typescript-${crypto.randomUUID()}` };
const question = {
  ...person,
  request_id: crypto.randomUUID(),
  candidates: [{ tip_id: "stretch", features: { topic: "move", minutes: 2 } }, { tip_id: "lights-out" }],
  profile_features: { completion_rate: 0.6, tip_volume: 4, newer_than_the_server: 1 },
};

const first = await oo.score(question);
const again = await oo.score(question);
const written = await oo.generate({ ...person, topic: "rest" });
const refused = await oo.score({ ...question, profile_features: { preferred_hour: "eight" } }).catch((error) => error);

const about = { decisionId: first.decision_id, tipId: first.tip_id };
const published = [
  { case: "tipExposed", value: about },
  { case: "tipReacted", value: { ...about, kind: ReactionKind.COMPLETED } },
].map((event) => {
  const told = normalizedEvent({
    producer: "recommender",
    tenantId: person.tenant_id,
    userId: person.user_id,
    occurredAt: new Date(),
    event,
  });
  return { subject: subjectOf(told), id: told.eventId, data: Buffer.from(encode(told)).toString() };
});
const refusal = refused instanceof InvalidRequest ? { code: refused.code, message: refused.message } : String(refused);
console.log(JSON.stringify({ first, again, written, refusal, published }));
