"""Taking one person out of the reward join."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Engine, Table, and_, delete, func, select, text
from sqlalchemy.exc import DBAPIError

from oo.errors import RewardStoreFailed
from oo.rewards.database import writing
from oo.rewards.tables import tip_feedback, tip_scores

TIMES: Mapping[Table, Column[datetime]] = {
    tip_scores: tip_scores.c.decided_at,
    tip_feedback: tip_feedback.c.occurred_at,
}
"""The tables with rows of people, and the time of each row."""


def count(engine: Engine, table: Table, tenant_id: str, user_id: str, until: datetime) -> int:
    """How many rows of the person the table holds, of what happened until then.

    Raises:
        RewardStoreFailed: the database does not answer.
    """
    try:
        with engine.connect() as connection:
            theirs = select(func.count()).select_from(table).where(_theirs(table, tenant_id, user_id, until))
            return connection.execute(theirs).scalar_one()
    except DBAPIError as error:
        raise _failed(error) from error


def erase(engine: Engine, table: Table, tenant_id: str, user_id: str, until: datetime) -> int:
    """Delete those rows and return how many; then their bytes leave the files of the database.

    SQLite writes its file anew, without what was deleted earlier too. PostgreSQL is asked to clean up the table: its
    files give up the bytes as their pages are written again, its write-ahead log and its backups as they age.

    Raises:
        RewardStoreFailed: the database does not answer, or is too busy.
    """
    try:
        with writing(engine) as connection:
            deleted = connection.execute(delete(table).where(_theirs(table, tenant_id, user_id, until))).rowcount
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if engine.dialect.name == "sqlite":
                connection.execute(text("VACUUM"))
                busy = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()[0]
                if busy:
                    raise RewardStoreFailed(
                        "database of tip_scores: a reader kept its log from being cut; run it again"
                    )
            else:
                connection.execute(text(f"VACUUM {table.name}"))
    except DBAPIError as error:
        raise _failed(error) from error
    return deleted


def tenants_of(engine: Engine, user_id: str) -> set[str]:
    """The tenants that have a person of this id.

    Raises:
        RewardStoreFailed: the database does not answer.
    """
    try:
        with engine.connect() as connection:
            return {
                tenant
                for table in TIMES
                for (tenant,) in connection.execute(
                    select(table.c.tenant_id).where(table.c.user_id == user_id).distinct()
                )
            }
    except DBAPIError as error:
        raise _failed(error) from error


def _theirs(table: Table, tenant_id: str, user_id: str, until: datetime) -> ColumnElement[bool]:
    return and_(table.c.tenant_id == tenant_id, table.c.user_id == user_id, TIMES[table] <= until)


def _failed(error: DBAPIError) -> RewardStoreFailed:
    return RewardStoreFailed(
        f"database of tip_scores: {error.orig}; is it running, writable and with room? Run it again"
    )
