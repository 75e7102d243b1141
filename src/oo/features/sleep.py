from collections.abc import Mapping
from datetime import datetime

from oo.events.envelope import Envelope
from oo.features.facts import DAY, HOUR, Facts, fact, milliseconds, remember, within

MOST = 16
STALE = 2 * DAY


class Sleep:
    """How the person slept. Health data.

    `sleep_hours_last`: hours asleep as the latest record tells it, unknown when that is over 48 hours old. The newest
    16 records are kept.
    """

    name = "sleep"
    feature_names = ("sleep_hours_last",)

    def fold(self, facts: Facts, envelope: Envelope) -> Facts:
        """Keep the time asleep of each record."""
        recorded = envelope.sleep_recorded
        return facts if recorded is None else remember(facts, fact(envelope, recorded.asleep), MOST)

    def values(self, facts: Facts, at: datetime) -> Mapping[str, float | None]:
        """`sleep_hours_last`, None without a record of the last 48 hours."""
        now = milliseconds(at)
        recent = within(facts, now - STALE, now)
        return {"sleep_hours_last": recent[-1][2] / HOUR if recent else None}
