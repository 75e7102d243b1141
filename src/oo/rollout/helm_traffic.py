"""A cluster's traffic: what a rollout asks of it becomes values of the chart `bento`, whose routes mirror and split."""

import asyncio
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, Literal
from urllib.request import ProxyHandler, build_opener

from oo.errors import TrafficRefused
from oo.registry.history import Subject
from oo.rollout.serving import serves, until
from oo.rollout.traffic import Traffic

Role = Literal["stable", "shadow", "canary"]
PORT: Final = 3000
"""Where every pod of a service answers."""
_PAUSE = 0.5
_direct = build_opener(ProxyHandler({}))  # a pod's address is none for a proxy
_PENDING = "pending"
_SHARE: Mapping[str, str] = {"shadow": "percent", "canary": "weight"}


@dataclass(frozen=True, slots=True)
class Release:
    """A release of the chart `bento`, and the helm that moves it."""

    name: str
    namespace: str
    chart: Path
    program: str = "helm"


class HelmTraffic:
    """Moves the traffic of one release by `helm upgrade`, the only writer of its routes; of one model at a time.

    The pods of a candidate come first, and the routes lead to them once each of them serves the version that they are
    meant for. The other way round the routes leave them before they go. What a rollout asked for last stands in the
    values under `rollout`.

    Args:
        release: what is moved.
        patience: seconds within which an upgrade is done, and within which pods take over a version.
    """

    def __init__(self, release: Release, *, patience: float = 180) -> None:
        self._release = release
        self._patience = patience

    async def apply(self, traffic: Traffic) -> None:
        """As in `Actuator`."""
        await self._mend()
        values = await self._values()
        told = _told(values)
        busy = told if told and told.candidate and told.subject != traffic.subject else None
        if busy and traffic.candidate:
            raise TrafficRefused(
                f"{traffic.subject.name} must wait: {busy.subject.name} {busy.candidate} is on its way, and the release"
                f" {self._release.name} has one shadow and one canary; `oo rollout status` shows it"
            )
        if not busy:
            if traffic.candidate:
                role: Role = "shadow" if traffic.mirror else "canary"
                await self._upgrade(pods(role, values), wait=True)
                await self._until_served(role, traffic.subject, traffic.candidate)
            elif told and told.candidate == traffic.stable:  # promoted: who has it now must not miss it for a while
                await self._until_served("stable", traffic.subject, traffic.stable)
            await self._upgrade(routes(traffic))
            await self._upgrade(unused(traffic))
        await self._until_served("stable", traffic.subject, traffic.stable)

    async def current(self, subject: Subject) -> Traffic | None:
        """As in `Actuator`."""
        if (await self._status())["status"] != "deployed":
            return None
        values = await self._values()
        told = _told(values)
        if told is None or told.subject != subject:
            return None
        return told if follows(values, told) else None

    async def _upgrade(self, values: Mapping[str, Any], *, wait: bool = False) -> None:
        """Give the release these values; with `wait` until its pods are ready, or else as they were before.

        Routes wait for no pods: away from a candidate that crashes there would be no way.
        """
        await self._helm(
            "upgrade",
            self._release.name,
            str(self._release.chart),
            "--reset-then-reuse-values",
            # After `kubectl rollout undo` fields belong to a person; the chart takes them back.
            "--force-conflicts",
            f"--timeout={self._patience:g}s",
            "--values=-",
            *(("--rollback-on-failure",) if wait else ()),
            given=json.dumps(values).encode(),
        )

    async def _mend(self) -> None:
        """Go back to the last whole release when an upgrade was killed half-way: Helm refuses the next one else."""
        status = await self._status()
        if not status["status"].startswith(_PENDING):
            return
        age = datetime.now(UTC) - datetime.fromisoformat(status["last_deployed"])
        if age.total_seconds() <= self._patience:
            raise TrafficRefused(
                f"another upgrade of {self._release.name} is under way since {age.total_seconds():.0f} s; try again"
            )
        await self._helm("rollback", self._release.name, "--force-conflicts")

    async def _status(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(await self._helm("status", self._release.name, "--output=json"))["info"]
        return said

    async def _values(self) -> dict[str, Any]:
        """All, the chart's own included."""
        said: dict[str, Any] = json.loads(
            await self._helm("get", "values", self._release.name, "--all", "--output=json")
        )
        return said

    async def _helm(self, *arguments: str, given: bytes = b"") -> bytes:
        command = (self._release.program, *arguments, f"--namespace={self._release.namespace}")
        try:
            helm = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
            )
        except OSError as error:
            raise TrafficRefused(f"{self._release.program}: {error.strerror}; Helm 4 moves the traffic here") from error
        out, complaint = await helm.communicate(given)
        if helm.returncode:
            said = complaint.decode(errors="replace").strip()
            raise TrafficRefused(f"helm {arguments[0]} {self._release.name}: {said}; `oo rollout settle` goes on")
        return out

    async def _until_served(self, role: Role, subject: Subject, version: str) -> None:
        name = f"{self._release.name}-{role}-pods.{self._release.namespace}"

        async def served() -> bool:
            try:
                found = await asyncio.get_running_loop().getaddrinfo(name, PORT, type=socket.SOCK_STREAM)
                told = await asyncio.gather(*(asyncio.to_thread(_metrics, address) for *_, address in found))
            except (OSError, HTTPException):
                return False
            return all(serves(metrics, subject.name, version) for metrics in told)

        what = f"every pod of {name} serves {subject.name} {version}"
        said = f"`kubectl get pods --namespace {self._release.namespace}` and the logs of those that are not ready say"
        await until(served, what, patience=self._patience, pause=_PAUSE, remedy=said)


def pods(role: Role, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values by which the pods of a shadow or canary come, and get no traffic yet.

    Without an image of their own they run that of stable: a model's version is what differs.
    """
    if values[role]["enabled"]:
        return {}
    digest = values[role]["image"]["digest"] or values["image"]["digest"]
    if not digest:
        raise TrafficRefused("the release names its image by tag; a rollout needs image.digest, which nobody can move")
    return {role: {"enabled": True, "image": {"digest": digest}, _SHARE[role]: 0}}


def routes(traffic: Traffic) -> dict[str, Any]:
    """The values by which requests go where a rollout wants them."""
    return {
        "shadow": {"percent": 100 if traffic.mirror else 0},
        "canary": {"weight": traffic.percent},
        "rollout": {
            "subject": f"{traffic.subject.kind}/{traffic.subject.name}",
            "stable": traffic.stable,
            "candidate": traffic.candidate or "",
            "mirror": traffic.mirror,
            "percent": traffic.percent,
        },
    }


def unused(traffic: Traffic) -> dict[str, Any]:
    """The values by which pods go that get no traffic any more."""
    gone: dict[str, Any] = {}
    if not traffic.mirror:
        # With its share as it was before, for a person who lets a shadow of an image run.
        gone["shadow"] = {"enabled": False, "percent": 100}
    if not traffic.percent:
        gone["canary"] = {"enabled": False}
    return gone


def follows(values: Mapping[str, Any], traffic: Traffic) -> bool:
    """Whether these values of a release are those of the traffic, whoever wrote them."""
    shadow, canary = values["shadow"], values["canary"]
    mirrored = shadow["enabled"] and shadow["percent"] > 0
    share = canary["weight"] if canary["enabled"] else 0
    return bool(mirrored == traffic.mirror and share == traffic.percent)


def _told(values: Mapping[str, Any]) -> Traffic | None:
    """What a rollout asked for last."""
    told = values["rollout"]
    if not told["subject"]:
        return None
    kind, _, name = told["subject"].partition("/")
    return Traffic(
        Subject(kind=kind, name=name), told["stable"], told["candidate"] or None, told["mirror"], told["percent"]
    )


def _metrics(address: tuple[Any, ...]) -> str:
    host = str(address[0])
    with _direct.open(f"http://{f'[{host}]' if ':' in host else host}:{PORT}/metrics", timeout=5) as response:
        text: bytes = response.read()
    return text.decode()
