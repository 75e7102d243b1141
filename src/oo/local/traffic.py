"""The laptop stack's traffic: what a rollout asks of it becomes routes of the proxy before the scorers."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict

import httpx

from oo.errors import TrafficRefused
from oo.local import envoy
from oo.local.files import replace_file
from oo.local.settings import StackSettings
from oo.registry.history import Subject
from oo.rollout.serving import serves, until
from oo.rollout.traffic import Traffic

_TOLD = "traffic.json"
_PAUSE = 0.1


class LocalTraffic:
    """Moves the traffic of the scorers of one machine; of one model at a time, as there is one shadow and one canary.

    Routes change only once the process that they lead to serves the version that they are meant for: until then what
    was there stays.

    Args:
        settings: the stack's ports, and where its proxy reads its routes.
        patience: seconds within which a scorer takes over a version, and the proxy its routes.
    """

    def __init__(self, settings: StackSettings, *, patience: float = 30) -> None:
        self._folder = settings.traffic_dir
        self._admin = f"http://127.0.0.1:{settings.envoy_admin_port}"
        self._ports = {
            envoy.STABLE: settings.scorer_stable_port,
            envoy.SHADOW: settings.scorer_shadow_port,
            envoy.CANARY: settings.scorer_canary_port,
        }
        self._patience = patience

    async def apply(self, traffic: Traffic) -> None:
        """As in `Actuator`."""
        told = self._told()
        busy = told if told and told.candidate and told.subject != traffic.subject else None
        if busy and traffic.candidate:
            raise TrafficRefused(
                f"{traffic.subject.name} must wait: {busy.subject.name} {busy.candidate} is on its way, and here is one"
                " shadow and one canary here; `oo rollout status` shows it"
            )
        async with httpx.AsyncClient(timeout=5) as client:
            if traffic.candidate:
                beside = envoy.SHADOW if traffic.mirror else envoy.CANARY
                await self._until_served(client, beside, traffic.subject, traffic.candidate)
            elif told and told.candidate == traffic.stable:  # promoted: who has it now must not miss it for a while
                await self._until_served(client, envoy.STABLE, traffic.subject, traffic.stable)
            if not busy:
                await self._route(client, traffic)
            await self._until_served(client, envoy.STABLE, traffic.subject, traffic.stable)

    async def current(self, subject: Subject) -> Traffic | None:
        """As in `Actuator`."""
        told = self._told()
        if told is None or told.subject != subject:
            return None
        async with httpx.AsyncClient(timeout=5) as client:
            return told if await self._routed(client) == _version(told) else None

    def _told(self) -> Traffic | None:
        """What was asked for last."""
        try:
            told = json.loads((self._folder / _TOLD).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return Traffic(**told | {"subject": Subject(**told["subject"])})

    async def _route(self, client: httpx.AsyncClient, traffic: Traffic) -> None:
        told = asdict(traffic) | {"subject": traffic.subject.model_dump()}
        replace_file(self._folder / _TOLD, json.dumps(told, indent=2).encode())
        replace_file(self._folder / envoy.ROUTES, envoy.routes(mirror=traffic.mirror, percent=traffic.percent))
        wanted = _version(traffic)

        async def routed() -> bool:
            return await self._routed(client) == wanted

        await self._until(routed, f"the proxy follows {wanted}")

    async def _routed(self, client: httpx.AsyncClient) -> str | None:
        """What the proxy calls the routes that it follows."""
        try:
            dump = await client.get(f"{self._admin}/config_dump", params={"resource": "dynamic_route_configs"})
        except httpx.TransportError:
            return None
        configs = dump.json().get("configs") or [{}]
        version: str | None = configs[0].get("version_info")
        return version

    async def _until_served(self, client: httpx.AsyncClient, scorer: str, subject: Subject, version: str) -> None:
        async def served() -> bool:
            try:
                metrics = await client.get(f"http://127.0.0.1:{self._ports[scorer]}/metrics")
            except httpx.TransportError:
                return False
            return serves(metrics.text, subject.name, version)

        await self._until(served, f"scorer-{scorer} serves {subject.name} {version}")

    async def _until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        said = "`make status` and `make logs` say"
        await until(holds, what, patience=self._patience, pause=_PAUSE, remedy=said)


def _version(traffic: Traffic) -> str:
    return envoy.version(mirror=traffic.mirror, percent=traffic.percent)
