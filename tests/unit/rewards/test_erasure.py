import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select

from oo.events.envelope import EventType
from oo.rewards.database import connect
from oo.rewards.erasure import TIMES, count, erase, tenants_of
from oo.rewards.join import apply
from oo.rewards.tables import tip_feedback, tip_scores
from tests.envelopes import envelope

KINDS: tuple[EventType, ...] = ("score_decided", "tip_exposed", "tip_reacted")
MOMENT = envelope().occurred_at
PEOPLE = (("tips", "ada"), ("tips", "ada%"), ("tips", "a'da"), ("other", "ada"))


def filled(engine: Engine) -> None:
    for number, (tenant, user) in enumerate(PEOPLE):
        events = [envelope(kind, tenant_id=tenant, user_id=user, event_id=f"{number}-{kind}") for kind in KINDS]
        decided = events[0].score_decided
        assert decided is not None
        own = {"decision_id": f"d{number}"}
        events[0] = events[0].model_copy(update={"score_decided": decided.model_copy(update=own)})
        apply(engine, events, lambda _: timedelta(days=1))


def rows(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in TIMES}


def test_one_person_goes_and_nobody_else(engine: Engine) -> None:
    filled(engine)
    assert rows(engine) == {"tip_scores": 4, "tip_feedback": 8}
    assert [count(engine, table, *PEOPLE[2], MOMENT) for table in TIMES] == [1, 2]
    assert [erase(engine, table, *PEOPLE[2], MOMENT) for table in TIMES] == [1, 2]
    assert rows(engine) == {"tip_scores": 3, "tip_feedback": 6}
    assert [count(engine, table, *PEOPLE[2], MOMENT) for table in TIMES] == [0, 0]
    assert [
        count(engine, table, *person, MOMENT) for person in (PEOPLE[0], PEOPLE[1], PEOPLE[3]) for table in TIMES
    ] == [
        1,
        2,
    ] * 3
    assert [erase(engine, table, *PEOPLE[2], MOMENT) for table in TIMES] == [0, 0]


def test_what_happened_later_stays(engine: Engine) -> None:
    filled(engine)
    before = MOMENT - timedelta(microseconds=1)
    assert erase(engine, tip_scores, *PEOPLE[0], before) == erase(engine, tip_feedback, *PEOPLE[0], before) == 0
    assert rows(engine) == {"tip_scores": 4, "tip_feedback": 8}


def test_the_tenants_of_an_id_are_told_from_both_tables(engine: Engine) -> None:
    filled(engine)
    assert tenants_of(engine, "ada") == {"tips", "other"}
    erase(engine, tip_scores, "other", "ada", MOMENT)
    assert tenants_of(engine, "ada") == {"tips", "other"}
    assert tenants_of(engine, "a") == set()


def test_sqlite_keeps_no_byte_also_of_what_was_deleted_carelessly_before(tmp_path: Path) -> None:
    file = tmp_path / "scores.db"
    engine = connect(f"sqlite:///{file}")
    filled(engine)
    with closing(sqlite3.connect(file, isolation_level=None)) as careless:
        careless.execute("PRAGMA secure_delete = OFF")
        careless.execute("DELETE FROM tip_scores WHERE user_id = ?", ("a'da",))
        careless.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"a'da" in file.read_bytes()
    for table in TIMES:
        erase(engine, table, "tips", "a'da", MOMENT)
    assert not [path for path in tmp_path.iterdir() if b"a'da" in path.read_bytes()]
    engine.dispose()
