from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError

from oo.errors import RewardStoreFailed
from oo.events.decision import ScoreDecided
from oo.rewards.database import connect, is_outage, writing
from oo.rewards.join import apply
from tests.envelopes import EVENTS, envelope

INSERT = text("INSERT INTO tip_feedback VALUES ('t', 'e', 'd', 'u', 'tip', NULL, '2026-11-22 00:00:00')")
COUNT = text("SELECT count(*) FROM tip_feedback")


def test_a_new_database_has_its_tables_and_is_opened_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'not' / 'yet' / 'scores.db'}"

    for _ in range(2):
        engine = connect(url)
        assert set(inspect(engine).get_table_names()) == {"tip_scores", "tip_feedback"}
        engine.dispose()


def test_processes_that_start_at_once_share_one_database(database_url: str) -> None:
    _start_at_once(database_url)


def test_processes_that_start_at_once_make_one_new_file(tmp_path: Path) -> None:
    for number in range(50):  # SQLite refuses one of thirty when nobody waits
        _start_at_once(f"sqlite:///{tmp_path}/{number}.db")


def _start_at_once(url: str) -> None:
    all_ready = Barrier(4)

    def start(_: int) -> Engine:
        all_ready.wait()
        return connect(url)

    with ThreadPoolExecutor(4) as pool:
        for engine in pool.map(start, range(4)):
            engine.dispose()


def test_a_reader_and_a_writer_do_not_wait_for_each_other(engine: Engine) -> None:
    with engine.connect() as reader:
        reader.exec_driver_sql("BEGIN")
        assert reader.execute(COUNT).scalar_one() == 0
        with writing(engine) as writer:
            writer.execute(INSERT)
            assert reader.execute(COUNT).scalar_one() == 0, "what is not committed is not read"


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    def write_twice() -> None:
        with writing(engine) as connection:
            connection.execute(INSERT)
            connection.execute(INSERT)

    with pytest.raises(IntegrityError):
        write_twice()

    with engine.connect() as connection:
        assert connection.execute(COUNT).scalar_one() == 0


def test_a_server_that_is_away_is_told_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(RewardStoreFailed, match="is it running") as refused:
        connect(f"postgresql+psycopg://oo:hunter2@/tips?host={tmp_path}")

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["no url", "nosuch://host/db", "sqlite:///{file}/scores.db"])
def test_a_url_that_cannot_be_opened_is_a_clear_error(tmp_path: Path, url: str) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")

    with pytest.raises(RewardStoreFailed, match="database of tip_scores"):
        connect(url.format(file=file))


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "scores.db").write_text("something else, and longer than a header of SQLite would be" * 9)

    with pytest.raises(RewardStoreFailed, match=r"scores\.db.*not a database"):
        connect(f"sqlite:///{tmp_path / 'scores.db'}")


def test_tables_of_an_earlier_release_are_told_with_the_remedy(engine: Engine, database_url: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE tip_feedback DROP COLUMN user_id"))

    with pytest.raises(RewardStoreFailed, match=r"table tip_feedback has no user_id, .* delete the durables rewards-"):
        connect(database_url)


def test_what_is_over_a_limit_of_the_database_is_no_outage(engine: Engine) -> None:
    """PostgreSQL refuses a long row of an index as it refuses to work; SQLite takes it."""
    name = "".join(chr(0x1F300 + number) for number in range(256))
    long = ScoreDecided.model_validate(
        EVENTS["score_decided"].model_dump() | {"tip_id": name, "policy": {"name": name, "version": name}}
    )

    def join() -> None:
        apply(engine, [envelope("score_decided", score_decided=long)], lambda _: timedelta(minutes=1))

    if engine.dialect.name == "sqlite":
        join()
        return
    with pytest.raises(OperationalError) as refused:
        join()
    assert not is_outage(refused.value)


def test_a_table_that_is_locked_for_too_long_is_an_outage(engine: Engine) -> None:
    with engine.connect() as holder, engine.connect() as waiter:
        if engine.dialect.name == "sqlite":
            waiter.exec_driver_sql("PRAGMA busy_timeout = 50")
            holder.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            waiter.exec_driver_sql("SET lock_timeout = 50")
            holder.exec_driver_sql("LOCK TABLE tip_feedback")
        with pytest.raises(OperationalError) as refused:
            waiter.execute(INSERT)
    assert is_outage(refused.value)
