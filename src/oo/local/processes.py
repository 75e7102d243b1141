"""The table of the local stack: what runs, with which command, where it answers and what it waits for."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oo.bus.roles import Role
from oo.events.subjects import ConsumerName
from oo.local import envoy, llama
from oo.local.settings import PROJECT_DIR, StackSettings

# No library phones home, from no process.
_SILENT = {
    "ORT_DISABLE_TELEMETRY": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "BENTOML_DO_NOT_TRACK": "True",
}


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the stack."""

    name: str
    command: tuple[str, ...]
    health: str | None = None
    """The URL that answers 200 when the process is ready; without one it is a task, ready when it exited with 0."""
    url: str | None = None
    """Where its users find it."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """The ports that it listens on, each by the environment variable that sets it."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What is added to the environment that `up` was called in."""
    needs: tuple[str, ...] = ()
    """The processes that must be ready before this one starts, and stop after it."""


def environment(settings: StackSettings) -> dict[str, str]:
    """Where the parts of this stack find each other, as the settings classes of the processes read it."""
    state = settings.state_dir
    return {
        "OO_NATS_URL": f"nats://127.0.0.1:{settings.nats_port}",
        "OO_MLFLOW_URL": f"http://127.0.0.1:{settings.mlflow_port}",
        "OO_CATALOG": settings.catalog,
        "OO_OFFLINE_STORE": str(state / "offline"),
        "OO_TIP_SCORES_URL": f"sqlite:///{state / 'tip_scores.db'}",
        "OO_PIPELINE_ROOT": str(state / "pipelines"),
        "OO_MODEL_CARDS": str(PROJECT_DIR / "model_cards"),
    }


def processes(settings: StackSettings) -> tuple[Process, ...]:
    """The stack, in the order in which a person would start it by hand."""
    state = settings.state_dir
    shared = _SILENT | environment(settings) | {"PYTHONUNBUFFERED": "1"}

    def bento(name: str, service: str, setting: str, port: int, role: Role, **more: str) -> Process:
        url = f"http://127.0.0.1:{port}"
        return Process(
            name=name,
            command=_python("-m", "bentoml", "serve", service, "--host", "127.0.0.1", "--port", str(port)),
            health=f"{url}/readyz",
            url=url,
            ports={setting: port},
            environment=shared
            | _user(role)
            | {"BENTOML_HOME": str(state / "bentoml" / name), "OO_CALLERS": settings.callers}
            | more,
            needs=("nats",),
        )

    def scorer(role: str, setting: str, port: int) -> Process:
        # It loads beside the registry and is ready as soon as that has the champions of the bootstrap.
        user: Role = "shadow-scorer" if role == envoy.SHADOW else "scorer"
        return bento(f"scorer-{role}", "bentos.scorer.service:Scorer", setting, port, user, SERVING_ROLE=role)

    # Without it the generator's own default, or what `up` was called with.
    model = llama.generator_environment(settings.local_llm_port) if settings.local_llm else {}

    def consumer(name: ConsumerName, port: int) -> Process:
        url = f"http://127.0.0.1:{port}"
        return Process(
            name=name,
            command=_python("-m", f"consumers.{name}"),
            health=f"{url}/readyz",
            url=url,
            ports={f"OO_{name.upper()}_PORT": port},
            environment=shared | _user(name) | {"OO_HEALTH_PORT": str(port)},
            needs=("nats",),
        )

    return (
        _nats(settings),
        _mlflow(settings),
        Process(
            "bootstrap",
            _python("-m", "oo", "bootstrap"),
            environment=shared | _user("bootstrap"),
            needs=("nats", "mlflow"),
        ),
        scorer(envoy.STABLE, "OO_SCORER_STABLE_PORT", settings.scorer_stable_port),
        scorer(envoy.SHADOW, "OO_SCORER_SHADOW_PORT", settings.scorer_shadow_port),
        scorer(envoy.CANARY, "OO_SCORER_CANARY_PORT", settings.scorer_canary_port),
        _scorers(settings),
        bento(
            "generator",
            "bentos.generator.service:Generator",
            "OO_GENERATOR_PORT",
            settings.generator_port,
            "generator",
            **model,
        ),
        consumer("signals", settings.signals_port),
        consumer("archive", settings.archive_port),
        consumer("rewards", settings.rewards_port),
        *((_llm(settings),) if settings.local_llm else ()),
    )


def _user(role: Role) -> dict[str, str]:
    """Its password is its name, as nats.conf says."""
    return {"OO_NATS_USER": role, "OO_NATS_PASSWORD": role}


def _nats(settings: StackSettings) -> Process:
    monitor = f"http://127.0.0.1:{settings.nats_monitor_port}"
    command = (str(Path(sys.executable).parent / "nats-server"), "--config", str(Path(__file__).parent / "nats.conf"))
    address = ("--addr", "127.0.0.1", "--port", str(settings.nats_port), "--http_port", str(settings.nats_monitor_port))
    return Process(
        name="nats",
        command=(*command, *address, "--jetstream", "--store_dir", str(settings.state_dir / "nats")),
        health=f"{monitor}/healthz?js-enabled-only=true",
        url=f"nats://127.0.0.1:{settings.nats_port}",
        ports={"OO_NATS_PORT": settings.nats_port, "OO_NATS_MONITOR_PORT": settings.nats_monitor_port},
    )


def _mlflow(settings: StackSettings) -> Process:
    url = f"http://127.0.0.1:{settings.mlflow_port}"
    state = settings.state_dir
    storage = (
        "--backend-store-uri",
        f"sqlite:///{state / 'mlflow.db'}",
        "--artifacts-destination",
        str(state / "mlflow"),
    )
    address = ("--host", "127.0.0.1", "--port", str(settings.mlflow_port), "--workers", "1")
    return Process(
        name="mlflow",
        command=_python("-m", "mlflow", "server", *storage, *address),
        health=f"{url}/health",
        url=url,
        ports={"OO_MLFLOW_PORT": settings.mlflow_port},
        # Its job runner would start five more processes, for features that oO does not use.
        environment=_SILENT | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    )


def _scorers(settings: StackSettings) -> Process:
    behind = (settings.scorer_stable_port, settings.scorer_shadow_port, settings.scorer_canary_port)
    ports = map(str, (settings.scorer_port, settings.envoy_admin_port, *behind))
    return Process(
        name="scorer",
        command=_python("-m", "oo.local.envoy", str(settings.traffic_dir), *ports),
        health=f"http://127.0.0.1:{settings.envoy_admin_port}/ready",
        url=f"http://127.0.0.1:{settings.scorer_port}",
        ports={"OO_SCORER_PORT": settings.scorer_port, "OO_ENVOY_ADMIN_PORT": settings.envoy_admin_port},
        environment=_SILENT,
        needs=(f"scorer-{envoy.STABLE}",),
    )


def _llm(settings: StackSettings) -> Process:
    url = f"http://127.0.0.1:{settings.local_llm_port}"
    return Process(
        name="llm",
        command=_python("-m", "oo.local.llama", str(settings.local_llm_port)),
        health=f"{url}/health",
        url=f"{url}/v1",
        ports={"OO_LOCAL_LLM_PORT": settings.local_llm_port},
        environment=_SILENT | {"PYTHONUNBUFFERED": "1"},
    )


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)
