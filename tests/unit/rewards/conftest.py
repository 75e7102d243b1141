from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from oo.rewards.database import connect


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path / 'tip_scores.db'}")
    yield engine
    engine.dispose()
