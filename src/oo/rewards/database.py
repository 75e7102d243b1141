"""The database of the reward join: SQLite on one machine, PostgreSQL in a cluster."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateIndex, CreateTable

from oo.errors import RewardStoreFailed
from oo.rewards.tables import metadata

_BUSY_TIMEOUT_MS = 10_000
_PAUSE = 0.01


def connect(url: str) -> Engine:
    """The database at `url`, such as `sqlite:///scores.db` or `postgresql+psycopg://…`, with its tables.

    Idempotent, and safe for several processes at once. SQLite runs in WAL mode, so that readers never wait for the
    writer, and a second writer waits for the first one up to ten seconds.

    Raises:
        RewardStoreFailed: the URL is none, or the database does not answer, or its tables are of an earlier release;
            names it without its password.
    """
    try:
        address = make_url(url)
        if address.get_backend_name() == "sqlite" and address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(address)
    except (ArgumentError, ImportError, NoSuchModuleError, OSError) as error:
        raise RewardStoreFailed(f"database of tip_scores: {error}; give a URL as SQLAlchemy writes it") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _prepare_postgresql)
    with ExitStack() as on_failure:
        on_failure.callback(engine.dispose)
        try:
            _see_to_tables(engine)
        except DBAPIError as error:
            raise RewardStoreFailed(f"database of tip_scores {address!r}: {error.orig}; is it running?") from error
        on_failure.pop_all()
    return engine


def is_outage(error: DBAPIError) -> bool:
    """Whether the database cannot take anything at present, rather than not just this."""
    # PostgreSQL counts what is over a limit of its own, such as a value too long for an index, among operations too.
    over_a_limit = (getattr(error.orig, "sqlstate", None) or "").startswith("54")
    return isinstance(error, InterfaceError | OperationalError) and not over_a_limit


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction, in which no other writer is at work; its first statement must be a write.

    Taking turns is what makes the join complete: were a decision and its exposure written at the same moment, neither
    transaction would see the other's row. SQLite lets one writer in by itself, from its first write on.
    """
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('oo.rewards'))"))
        yield connection


def _see_to_tables(engine: Engine) -> None:
    with writing(engine) as connection:
        for table in metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                connection.execute(CreateIndex(index, if_not_exists=True))
    present = inspect(engine)
    for table in metadata.sorted_tables:
        missing = {column.name for column in table.columns} - {each["name"] for each in present.get_columns(table.name)}
        if missing:
            raise RewardStoreFailed(
                f"table {table.name} has no {', '.join(sorted(missing))}, as in an earlier release; drop tip_scores and"
                " tip_feedback and delete the durables rewards-*, and they are made anew from the streams"
            )


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    end = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            # Of several that do so to a new file at once, SQLite refuses all but one without a wait.
            if time.monotonic() > end:
                raise
            time.sleep(_PAUSE)
        else:
            break
    cursor.close()


def _prepare_postgresql(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # Times are answered in the session's zone, where the last hours of year 9999 belong to a year that Python has not.
    cursor = connection.cursor()
    cursor.execute("SET TIME ZONE 'UTC'")
    cursor.close()
    connection.commit()
