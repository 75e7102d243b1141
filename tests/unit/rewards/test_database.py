from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from oo.errors import RewardStoreFailed
from oo.rewards.database import connect, writing

INSERT = text("INSERT INTO tip_feedback VALUES ('t', 'e', 'd', 'tip', NULL, '2026-11-22 00:00:00')")
COUNT = text("SELECT count(*) FROM tip_feedback")


def test_a_new_database_has_its_tables_and_is_opened_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'not' / 'yet' / 'scores.db'}"

    for _ in range(2):
        engine = connect(url)
        assert set(inspect(engine).get_table_names()) == {"tip_scores", "tip_feedback"}
        engine.dispose()


def test_processes_that_start_at_once_share_one_database(database_url: str) -> None:
    all_ready = Barrier(4)

    def start(_: int) -> Engine:
        all_ready.wait()
        return connect(database_url)

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
