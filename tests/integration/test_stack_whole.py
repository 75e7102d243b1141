"""What `make up` and `make down` do: the table of the real stack, on ports of its own."""

import socket
from contextlib import ExitStack
from pathlib import Path

from oo.local import leftovers, preflight, stack
from oo.local.settings import StackSettings


def settings_with_free_ports(state_dir: Path) -> StackSettings:
    names = [name for name in StackSettings.model_fields if name.endswith("_port")]
    with ExitStack() as probes:
        ports = [probes.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in names]
    return StackSettings(state_dir=state_dir, start_timeout=600, **dict(zip(names, ports, strict=True)))


def test_the_whole_stack_becomes_healthy_and_leaves_no_process_and_no_port(tmp_path: Path) -> None:
    settings = settings_with_free_ports(tmp_path)
    news: list[tuple[str, str]] = []
    try:
        stack.up(settings, lambda *heard: news.append(heard))
        conditions = {row.name: row.condition for row in stack.status(settings)}
        assert conditions.pop("bootstrap") == "done"
        assert set(conditions.values()) == {"healthy"}
    finally:
        stack.down(settings, lambda *heard: news.append(heard))
    assert news[-1] == ("stack", "stopped")
    assert leftovers.find(tmp_path) == set()
    assert not [port for port in settings.ports.values() if preflight.is_taken(port)]
