from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine

from oo.rewards.database import connect
from tests.postgres_server import database_of_its_own, postgres_server, programs

NO_POSTGRES = pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed (apt install postgresql)")
_numbers = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=NO_POSTGRES)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, on each product that is supported."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'tip_scores.db'}"
        return
    with database_of_its_own(request.getfixturevalue("postgres"), f"test_{next(_numbers)}") as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()
