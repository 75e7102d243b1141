import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_DIR = Path(__file__).resolve().parents[3]

Port = Annotated[int, Field(gt=0, lt=65536)]


class StackSettings(BaseSettings):
    """Where the local stack keeps its state and which ports it takes; each is an environment variable with OO_."""

    model_config = SettingsConfigDict(env_prefix="OO_", frozen=True, extra="ignore")

    state_dir: Path = PROJECT_DIR / ".oo"
    """Everything that the stack writes: event log, databases, offline store, logs."""
    nats_port: Port = 4222
    nats_monitor_port: Port = 8222
    mlflow_port: Port = 5000
    scorer_port: Port = 3000
    """Where callers ask: a proxy that splits requests between the scorers, and mirrors them."""
    generator_port: Port = 3001
    scorer_stable_port: Port = 3010
    scorer_shadow_port: Port = 3011
    scorer_canary_port: Port = 3012
    envoy_admin_port: Port = 9901
    signals_port: Port = 3101
    archive_port: Port = 3102
    rewards_port: Port = 3103
    local_llm: bool = False
    """Whether the generator asks a language model on this machine, which `make llm` has built, and not the offline
    one."""
    local_llm_port: Port = 8090
    catalog: str = "catalog/tips.yaml,examples/digits/catalog.yaml,examples/open_bandit/catalog.yaml"
    """The catalog files that the processes read, separated by commas, relative to the project."""
    callers: str = "anyone"
    """Who may ask the services, which listen on this machine alone: a callers file, or anyone."""
    min_free_mb: int = Field(default=500, ge=0)
    """With less free space than this, in MB, the stack does not start."""
    start_timeout: float = Field(default=300, gt=0)
    """Seconds within which all processes must be healthy."""

    @model_validator(mode="after")
    def _is_absolute_and_without_clash(self) -> Self:
        object.__setattr__(self, "state_dir", self.state_dir.expanduser().resolve())
        names: dict[int, str] = {}
        for field, value in self.ports.items():
            if value in names:
                raise ValueError(f"{names[value]} and {field} are both {value}; each needs a port of its own")
            names[value] = field
        return self

    @property
    def traffic_dir(self) -> Path:
        """Where the proxy before the scorers reads what goes to which."""
        return self.state_dir / "traffic"

    @classmethod
    def on_free_ports(cls, state_dir: Path) -> Self:
        """A stack of its own beside others, on ports that are free at this moment."""
        names = [name for name in cls.model_fields if name.endswith("_port")]
        with ExitStack() as held:
            probes = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
            ports = {name: probe.getsockname()[1] for name, probe in zip(names, probes, strict=True)}
        return cls.model_validate({"state_dir": state_dir, **ports})

    @property
    def ports(self) -> dict[str, int]:
        """The ports that are taken, by the name of the variable that sets them."""
        names = [name for name in type(self).model_fields if name.endswith("_port")]
        return {f"OO_{name.upper()}": getattr(self, name) for name in names if self.local_llm or "llm" not in name}
