from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from oo.events.envelope import Envelope
from oo.features.families import FAMILY_OF
from oo.features.folding import fold_batch
from oo.features.memory_online_store import MemoryOnlineStore
from oo.features.replay import values_at
from tests.unit.features.signal_events import NOON, any_signal, seeded, session


def meaning(events: Sequence[Envelope], at: datetime) -> dict[str, float | None]:
    """What the features mean, said the long way from all that ever happened."""
    sessions = [e.occurred_at for e in events if e.session_started]
    walks = [(e.occurred_at, e.activity_completed.duration) for e in events if e.activity_completed]
    days = [(e.occurred_at, e.calendar_day_summarized.busy) for e in events if e.calendar_day_summarized]
    nights = [(e.occurred_at, e.sleep_recorded.asleep) for e in events if e.sleep_recorded]
    week, two_days = timedelta(days=7), timedelta(days=2)
    before = [end for end, _ in walks if end <= at]
    minutes = sum((d for end, d in walks if d and at - week <= end <= at), timedelta(0)) / timedelta(minutes=1)
    today = [(moment, busy) for moment, busy in days if moment.date() == at.date()]
    recent = [(moment, asleep) for moment, asleep in nights if at - two_days <= moment <= at]
    hour = timedelta(hours=1)
    return {
        "sessions_7d": len([start for start in sessions if at - week <= start <= at]) if sessions else None,
        "hours_since_activity": (at - max(before)) / hour if before else None,
        "activity_minutes_7d": minutes if walks else None,
        "busy_hours_today": max(today)[1] / hour if today else None,
        "sleep_hours_last": max(recent)[1] / hour if recent else None,
    }


@pytest.mark.parametrize("seed", range(8))
async def test_what_the_store_served_after_each_sequence_is_what_replay_gives(seed: int) -> None:
    random = seeded(seed)
    store = MemoryOnlineStore()
    archive = [(3 * sequence, any_signal(random)) for sequence in range(1, 81)]
    served = []
    for sequence, envelope in archive:
        assert await fold_batch(store, [(sequence, envelope)]) == [None]
        at = NOON + timedelta(hours=random.uniform(-48, 48))
        state = await store.get("example", "ada")
        assert state is not None
        served.append((state.sequence, at, state.values(FAMILY_OF, at)))
    random.shuffle(archive)
    for sequence, at, values in served:
        assert values_at(archive, sequence, at, FAMILY_OF) == values


@pytest.mark.parametrize("seed", range(4))
def test_a_season_of_late_signals_says_what_the_features_mean(seed: int) -> None:
    random = seeded(seed)
    now = NOON
    archive: list[tuple[int, Envelope]] = []
    for sequence in range(1, 401):
        now += timedelta(seconds=random.randint(1, 30_000))
        late = timedelta(seconds=random.choice([0, 0, 0, random.randint(1, 200_000)]))
        archive.append((sequence, any_signal(random, at=now - late)))
        if sequence % 10 == 0:
            got = values_at(archive, sequence, now, FAMILY_OF)
            assert got == pytest.approx(meaning([envelope for _, envelope in archive], now))


def test_nothing_after_the_sequence_is_used() -> None:
    archive = [(1, session(NOON)), (2, session(NOON))]
    assert values_at(archive, 1, NOON, ["sessions_7d"]) == {"sessions_7d": 1}
    assert values_at(archive, 0, NOON, ["sessions_7d"]) == {"sessions_7d": None}
