from collections.abc import Iterator

import pytest

from oo.local import leftovers, preflight, stack
from oo.local.settings import StackSettings


@pytest.fixture(scope="package")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackSettings]:
    """The whole local stack, which all tests that ask for it share: each keeps to a tenant or to ids of its own."""
    settings = StackSettings.on_free_ports(tmp_path_factory.mktemp("stack"))
    try:
        stack.up(settings, lambda _what, _news: None)
        yield settings
    finally:
        stack.down(settings, lambda _what, _news: None)
    assert leftovers.find(settings.state_dir) == set(), "a process outlived `make down`"
    assert not [port for port in settings.ports.values() if preflight.is_taken(port)], "a port outlived `make down`"
