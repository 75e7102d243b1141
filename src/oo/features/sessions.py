from collections.abc import Mapping
from datetime import datetime

from oo.events.envelope import Envelope
from oo.features.facts import WEEK, Facts, fact, milliseconds, remember, within

MOST = 100


class Sessions:
    """How often the person opens the product.

    `sessions_7d`: sessions in the 7 days up to the moment asked for. The newest 100 are kept, so it says at most 100.
    """

    name = "sessions"
    feature_names = ("sessions_7d",)

    def fold(self, facts: Facts, envelope: Envelope) -> Facts:
        """Keep each start of a session."""
        return facts if envelope.session_started is None else remember(facts, fact(envelope), MOST)

    def values(self, facts: Facts, at: datetime) -> Mapping[str, float | None]:
        """`sessions_7d`, a count."""
        now = milliseconds(at)
        return {"sessions_7d": float(len(within(facts, now - WEEK, now)))}
