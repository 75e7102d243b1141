from collections.abc import Iterator

import pytest

from oo.local.settings import StackSettings
from tests.local_stack import local_stack


@pytest.fixture(scope="package")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackSettings]:
    """All tests that ask for it share it: each keeps to a tenant or to ids of its own."""
    with local_stack(tmp_path_factory.mktemp("stack")) as settings:
        yield settings
