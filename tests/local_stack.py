"""The whole stack as `make up` starts it, on free ports."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oo.local import leftovers, preflight, stack
from oo.local.settings import StackSettings


@contextmanager
def local_stack(folder: Path, callers: str = "anyone") -> Iterator[StackSettings]:
    """The stack with its data in `folder`; no process and no port of it is left afterwards."""
    settings = StackSettings.on_free_ports(folder).model_copy(update={"callers": callers})
    try:
        stack.up(settings, lambda _what, _news: None)
        yield settings
    finally:
        stack.down(settings, lambda _what, _news: None)
    assert leftovers.find(settings.state_dir) == set(), "a process outlived `make down`"
    assert not [port for port in settings.ports.values() if preflight.is_taken(port)], "a port outlived `make down`"
