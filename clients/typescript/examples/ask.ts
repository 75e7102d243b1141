import { Overloaded, OOClient, type ProfileFeatures, TimedOut, Unavailable } from "@oo/ml-client";

const client = new OOClient({ scorerUrl: "http://localhost:3000", generatorUrl: "http://localhost:3001" });

export async function tipFor(userId: string, oo = client): Promise<string> {
  const profile: Partial<ProfileFeatures> = { completion_rate: 0.6, preferred_hour: 8, tip_volume: 4 };
  try {
    const decision = await oo.score({
      tenant_id: "example",
      user_id: userId,
      candidates: [
        { tip_id: "stretch", features: { topic: "move", minutes: 2 } },
        { tip_id: "lights-out", features: { topic: "rest", minutes: 5 } },
      ],
      profile_features: profile,
      context: { hour_of_day: 21, weekend: false },
    });
    return decision.tip_id;
  } catch (error) {
    if (error instanceof Overloaded || error instanceof Unavailable || error instanceof TimedOut) {
      return "stretch"; // No decision, so tell no exposure of it.
    }
    throw error;
  }
}

export async function writtenTipFor(userId: string, signal: AbortSignal, oo = client): Promise<string> {
  const request = { tenant_id: "example", user_id: userId, topic: "rest" };
  const { tip, decision_id } = await oo.generate(request, { signal, timeoutMs: 12_000 });
  return `${tip.title}: ${tip.body} (${decision_id})`;
}
