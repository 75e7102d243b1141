from collections.abc import Mapping
from datetime import datetime

from oo.events.envelope import Envelope
from oo.features.facts import DAY, HOUR, Facts, fact, milliseconds, remember, within

MOST = 16


class Calendar:
    """How full the person's day is.

    `busy_hours_today`: hours in meetings on the UTC day of the moment asked for, as the day's latest summary tells it.
    A summary speaks of its whole day, so its hour may be after the moment. The newest 16 summaries are kept.
    """

    name = "calendar"
    feature_names = ("busy_hours_today",)

    def fold(self, facts: Facts, envelope: Envelope) -> Facts:
        """Keep the busy time of each summary."""
        summarized = envelope.calendar_day_summarized
        return facts if summarized is None else remember(facts, fact(envelope, summarized.busy), MOST)

    def values(self, facts: Facts, at: datetime) -> Mapping[str, float | None]:
        """`busy_hours_today`, None for a day without a summary."""
        now = milliseconds(at)
        midnight = now - now % DAY
        today = within(facts, midnight, midnight + DAY - 1)
        return {"busy_hours_today": today[-1][2] / HOUR if today else None}
