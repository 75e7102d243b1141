"""A conductor with a real history and registry in memory, and with a stage on which everything can fail."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from oo.errors import RegistryUnreachable, TrafficRefused
from oo.registry.history import Recorded, Subject, Transition
from oo.registry.memory_history import MemoryHistory
from oo.registry.memory_registry import MemoryRegistry
from oo.registry.registry import ALIASES, CHAMPION, Alias, ModelVersion
from oo.rollout.comparison import Rates
from oo.rollout.conductor import Conductor
from oo.rollout.evidence import Artefact, Evidence
from oo.rollout.model_versions import ModelVersions
from oo.rollout.requirements import Requirements
from oo.rollout.rollout import Rollout
from oo.rollout.traffic import Traffic
from oo.rollout.versions import Versions, aliases_of
from tests.unit.rollout.findings import ASKED, COLUMNS, evidence_for, pairs
from tests.unit.rollout.trial import MODEL, utc

T = TypeVar("T")
NOON = utc(1, 12)


class Killed(BaseException):
    """The process is gone, wherever it was."""


@dataclass
class Lights:
    """Counts what is done to the outside, and puts the process out at one of these places."""

    kill_at: int | None = None
    done: int = 0

    async def around(self, work: Callable[[], Awaitable[T]]) -> T:
        """Half of the kills come before the work and half after it."""
        place = self.done
        self.done += 1
        if self.kill_at == 2 * place:
            raise Killed
        result = await work()
        if self.kill_at == 2 * place + 1:
            raise Killed
        return result


@dataclass
class LitHistory:
    inner: MemoryHistory
    lights: Lights

    async def append(self, transition: Transition, *, after: int) -> Recorded:
        return await self.lights.around(lambda: self.inner.append(transition, after=after))

    async def of(self, subject: Subject, *, until: datetime | None = None) -> Sequence[Recorded]:
        return await self.inner.of(subject, until=until)

    async def subjects(self) -> Sequence[Subject]:
        return await self.inner.subjects()


@dataclass
class LitVersions(ModelVersions):
    registry: MemoryRegistry
    lights: Lights
    down: bool = False

    def __post_init__(self) -> None:
        super().__init__(self.registry)

    def _up(self) -> None:
        if self.down:
            raise RegistryUnreachable("the registry is away")

    async def artefact(self, subject: Subject, version: str) -> Artefact:
        self._up()
        return await super().artefact(subject, version)

    async def name(self, subject: Subject, alias: Alias, version: str | None) -> None:
        self._up()
        await self.lights.around(lambda: ModelVersions.name(self, subject, alias, version))

    async def keep(self, subject: Subject, version: str, files: Mapping[str, bytes]) -> None:
        self._up()
        await self.lights.around(lambda: ModelVersions.keep(self, subject, version, files))


@dataclass
class Proxy:
    lights: Lights
    traffic: Traffic | None = None
    down: bool = False
    applied: int = 0

    async def apply(self, traffic: Traffic) -> None:
        if self.down:
            raise TrafficRefused("the proxy is away")

        async def move() -> None:
            self.traffic = traffic
            self.applied += 1

        await self.lights.around(move)

    async def current(self, _: Subject) -> Traffic | None:
        return self.traffic


@dataclass
class Found:
    """Evidence as the test wants it."""

    digests: dict[str, str]
    change: Callable[[Evidence], Evidence] = lambda evidence: evidence

    async def collect(self, rollout: Rollout, now: datetime) -> Evidence:
        version, champion = rollout.candidate or "", rollout.champion
        digest = self.digests[version]
        good = evidence_for(rollout, version=version, collected_at=now)
        assert good.artefact is not None
        told = {"candidate": version, "champion": champion, "digests": {digest: 5_000}}
        return self.change(
            good.model_copy(
                update={
                    "artefact": good.artefact.model_copy(update={"digest": digest}),
                    "shadow": good.shadow and good.shadow.model_copy(update=told | {"newest_pair": now}),
                    "canary": good.canary and good.canary.model_copy(update=told),
                }
            )
        )


def good(evidence: Evidence) -> Evidence:
    return evidence


def missing(evidence: Evidence) -> Evidence:
    return evidence.model_copy(update={"unreachable": ("The archive is away.",)})


def of_another_file(evidence: Evidence) -> Evidence:
    assert evidence.artefact is not None
    return evidence.model_copy(update={"artefact": evidence.artefact.model_copy(update={"digest": "dd" * 32})})


def stopped_mirror(evidence: Evidence) -> Evidence:
    return evidence.model_copy(
        update={"shadow": evidence.shadow and evidence.shadow.model_copy(update={"all": pairs(5_000, 2_000)})}
    )


def bad(evidence: Evidence) -> Evidence:
    """Both reports say that it is worse."""
    worse = Rates.of((20_000, 100_000), (100, 1_000), 0.99)
    return evidence.model_copy(
        update={
            "shadow": evidence.shadow and evidence.shadow.model_copy(update={"all": pairs(unsound=4)}),
            "canary": evidence.canary and evidence.canary.model_copy(update={"rewards": worse}),
        }
    )


@dataclass
class Theatre:
    """One model with a champion, 1, and candidates that were registered and judged."""

    history: MemoryHistory = field(default_factory=MemoryHistory)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    now: datetime = NOON

    def __post_init__(self) -> None:
        self.lights = Lights()
        self.versions = LitVersions(self.registry, self.lights)
        self.proxy = Proxy(self.lights)
        self.registered = [self.register(n) for n in range(1, 5)]
        self.registry.set_alias("digits", CHAMPION, 1)
        self.found = Found({str(version.version): version.digest for version in self.registered})

    def register(self, number: int) -> ModelVersion:
        return self.registry.register(
            "digits", f"model {number}".encode(), feature_service="digits@1", feature_digest=COLUMNS, files={}, tags={}
        )

    def conductor(self, asked: Requirements = ASKED, versions: Versions | None = None) -> Conductor:
        """Another process's every time."""
        return Conductor(
            subject=MODEL,
            history=LitHistory(self.history, self.lights),
            versions=versions or self.versions,
            actuator=self.proxy,
            evidence=self.found,
            requirements=asked,
            now=lambda: self.now,
        )

    def wait(self, time: timedelta = timedelta(hours=25)) -> None:
        self.now += time

    async def on_stage(self, stage: str, percent: int = 0) -> None:
        """Bring version 2 so far."""
        rollout = await self.conductor().propose("2", who="ada", why="It passed all gates.")
        while (rollout.stage, rollout.percent) != (stage, percent):
            self.wait()
            rollout = (await self.conductor().advance(who="ada")).rollout

    def aliases(self) -> dict[str, str]:
        named = ((alias, self.registry.by_alias("digits", alias)) for alias in ALIASES)
        return {alias: str(version.version) for alias, version in named if version is not None}

    async def told(self) -> list[Transition]:
        return [recorded.transition for recorded in await self.history.of(MODEL)]

    async def is_settled(self) -> bool:
        """Whether names and traffic say what the history says."""
        rollout = Rollout.of(MODEL, await self.history.of(MODEL))
        wanted = {alias: version for alias, version in aliases_of(rollout).items() if version is not None}
        return self.aliases() == wanted and self.proxy.traffic == Traffic.of(rollout)
