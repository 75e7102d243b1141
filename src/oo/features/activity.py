from collections.abc import Mapping
from datetime import datetime, timedelta

from oo.events.envelope import Envelope
from oo.features.facts import HOUR, MINUTE, WEEK, Facts, fact, milliseconds, remember, until, within

MOST = 100


class Activity:
    """What the person does away from the product.

    `hours_since_activity`: hours from the last finished activity to the moment asked for.
    `activity_minutes_7d`: minutes of the activities finished in the 7 days up to it; one that was not timed adds none.
    The newest 100 activities are kept, so that is the most that is summed.
    """

    name = "activity"
    feature_names = ("hours_since_activity", "activity_minutes_7d")

    def fold(self, facts: Facts, envelope: Envelope) -> Facts:
        """Keep the end and the duration of each activity."""
        completed = envelope.activity_completed
        if completed is None:
            return facts
        return remember(facts, fact(envelope, completed.duration or timedelta(0)), MOST)

    def values(self, facts: Facts, at: datetime) -> Mapping[str, float | None]:
        """`hours_since_activity`, None before the first one, and `activity_minutes_7d`."""
        now = milliseconds(at)
        finished = until(facts, now)
        return {
            "hours_since_activity": (now - finished[-1][0]) / HOUR if finished else None,
            "activity_minutes_7d": sum(duration for _, _, duration in within(finished, now - WEEK, now)) / MINUTE,
        }
