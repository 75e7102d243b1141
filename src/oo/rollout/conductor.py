"""The one way to change what serves: commands, pipeline steps and people all come through here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from oo.errors import EvidenceChanged, HistoryMoved, OOError, RolloutRefused
from oo.registry.history import History, Recorded, Stage, Subject, Transition
from oo.registry.registry import CHAMPION
from oo.rollout.bundle import MANIFEST, Bundle, kept_as, names_in
from oo.rollout.evidence import Artefact, Evidence, EvidenceSource
from oo.rollout.plan import Advance, Hold, Move, RollBack, plan
from oo.rollout.requirements import Requirements
from oo.rollout.rollout import Rollout
from oo.rollout.traffic import Actuator, Traffic
from oo.rollout.versions import Versions, aliases_of
from oo.rollout.way_back import way_back

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Planned:
    """What would be done now."""

    rollout: Rollout
    evidence: Evidence | None
    move: Move


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done."""

    rollout: Rollout
    """As it stands now."""
    move: Move
    evidence: str | None = None
    """The hash of the bundle that the move rests on; None when nothing moved, or on a way back without one."""


@dataclass(frozen=True, slots=True)
class Conductor:
    """Moves one subject: history first, then names and traffic, which follow from it.

    A crash between the two leaves the history ahead; any later command, or `settle` alone, brings the rest after it.
    Every method raises `HistoryUnreachable` when nobody knows where the rollout stands: then nothing moves.
    """

    subject: Subject
    history: History
    versions: Versions
    actuator: Actuator | None
    """None where somebody else moves the traffic: a proposal needs nobody to."""
    evidence: EvidenceSource
    requirements: Requirements
    now: Callable[[], datetime]
    image: str | None = None
    """Digest of the container image that serves."""

    async def status(self) -> Rollout:
        """Where the rollout stands."""
        return Rollout.of(self.subject, await self.history.of(self.subject))

    async def plan(self, *, resume: bool = False) -> Planned:
        """What `advance` would do now; nothing changes."""
        rollout = await self.status()
        considered = replace(rollout, held=None) if resume else rollout
        now = self.now()
        evidence, missing = None, ""
        if rollout.candidate is not None:
            try:
                evidence = await self.evidence.collect(rollout, now)
            except OOError as error:
                missing = str(error)
        move = plan(considered, evidence, self.requirements, now)
        if missing and isinstance(move, Hold):
            move = Hold((*move.reasons, missing))
        return Planned(rollout, evidence, move)

    async def propose(self, version: str, *, who: str, why: str, again: bool = False) -> Rollout:
        """Make a version the challenger, in place of one that is not on trial yet. To repeat it changes nothing.

        Where there is no history yet, the champion that the registry names begins it.

        Args:
            version: the candidate.
            who: a person, or the pipeline's run.
            why: in a sentence.
            again: whether a version that was rolled back, or replaced as the champion, may be tried once more.

        Raises:
            RolloutRefused: another version is on trial, there is no champion, or the version was there before.
            HistoryMoved: somebody else was faster.
        """
        rollout = await self.status()
        if version in (rollout.candidate, rollout.champion):
            return await self.settle()
        if rollout.stage in ("shadow", "canary"):
            raise RolloutRefused(
                f"{self.subject.name} {rollout.candidate} is on trial as a {rollout.stage}; let it end, or roll it back"
            )
        before = await self.history.of(self.subject)
        if not again and any(one.transition.version == version and _is_verdict(one) for one in before):
            raise RolloutRefused(f"{self.subject.name} {version} was on trial before; `--again` tries it once more")
        if rollout.champion is None:
            rollout = await self._adopt(who)
        artefact = await self.versions.artefact(self.subject, version)
        await self.history.append(
            self._transition(rollout, version, "challenger", who, why, artefact=artefact), after=rollout.sequence
        )
        return await self.settle()

    async def advance(self, *, who: str, why: str = "", resume: bool = False) -> Outcome:
        """Do what the evidence carries: one step on, nothing, or back.

        Args:
            who: a person, or the pipeline's run.
            why: what they add to the reasons.
            resume: whether a hold ends now; the evidence decides all the same.

        Raises:
            HistoryMoved: somebody else moved it meanwhile; of several at once one advances.
        """
        planned = await self.plan(resume=resume)
        move, evidence = planned.move, planned.evidence
        kept = None
        if evidence is not None and not isinstance(move, Hold):
            bundle = Bundle.of(planned.rollout, evidence, self.requirements, move)
            try:
                await self._keep(evidence.version, bundle)
                kept = bundle.digest
            except OOError as error:
                if isinstance(move, Advance):
                    move = Hold((f"The evidence could not be kept: {error}",))
        if not isinstance(move, Hold):
            await self.history.append(
                self._moved(planned.rollout, move, who, why, kept), after=planned.rollout.sequence
            )
        return Outcome(await self.settle(), move, kept)

    async def hold(self, *, who: str, why: str) -> Rollout:
        """Stop here until somebody says `resume`. A canary's longest hold runs on, and what is worse still goes back.

        Raises:
            RolloutRefused: no version is being rolled out.
            HistoryMoved: somebody else was faster.
        """
        rollout = await self.status()
        if rollout.candidate is None or rollout.stage is None:
            raise RolloutRefused(f"no version of {self.subject.name} is being rolled out; there is nothing to hold")
        told = self._transition(rollout, rollout.candidate, rollout.stage, who, why, percent=rollout.percent)
        await self.history.append(told, after=rollout.sequence)
        return await self.settle()

    async def rollback(self, *, who: str, why: str, version: str | None = None) -> Rollout:
        """Take a version out of the traffic; needs no evidence and goes before whatever else is under way.

        Args:
            who: a person.
            why: in a sentence.
            version: what to take back; by default what gets traffic and came last: the shadow or canary, else the
                champion, else the challenger. Right after a rollback there is nothing more to do, and to repeat the
                command only repairs what did not follow. To take back the champion ends the trial beside it.

        Raises:
            RolloutRefused: there is no such version on trial or serving, or nothing to go back to.
        """
        for _ in range(_ATTEMPTS):
            rollout = await self.status()
            back = way_back(rollout, version)
            if back is None:
                return await self.settle()
            told = self._transition(rollout, back.version, "rolled_back", who, why, champion=back.champion)
            try:
                await self.history.append(told, after=rollout.sequence)
            except HistoryMoved:
                continue
            if version in (None, back.version):
                return await self.settle()
        raise HistoryMoved(f"the history of {self.subject.name} moved {_ATTEMPTS} times meanwhile; try again")

    async def settle(self) -> Rollout:
        """Bring names, traffic and cards after the history. What is there already stays, so it may run at any time.

        Raises:
            OOError: the registry or the actuator could not follow; the history stands, and to settle again goes on.
        """
        while True:
            told = await self.history.of(self.subject)
            rollout = Rollout.of(self.subject, told)
            if told:
                await self._follow(rollout)
                await self.versions.tell(self.subject, told)
            if (await self.status()).sequence == rollout.sequence:
                return rollout

    async def rested_on(self, digest: str = "") -> tuple[Recorded, Bundle]:
        """The last step that rests on evidence, and what it rested on.

        Args:
            digest: the evidence's hash, or how it begins, when another step is meant.

        Raises:
            RolloutRefused: no step rests on such evidence.
            EvidenceChanged: a file is not what it was.
            OOError: it cannot be read.
        """
        steps = [one for one in await self.history.of(self.subject) if one.transition.evidence]
        found = [one for one in steps if (one.transition.evidence or "").startswith(digest)]
        if not found:
            which = (
                f"evidence {digest!r}; `oo model history {self.subject.name}` shows them" if steps else "evidence yet"
            )
            raise RolloutRefused(f"no step of {self.subject.name} rests on {which}")
        return found[-1], await self.bundle(found[-1])

    async def bundle(self, recorded: Recorded) -> Bundle:
        """The evidence that a transition rests on, as it was kept.

        Raises:
            EvidenceChanged: it rests on none, or a file is not what it was.
            OOError: it cannot be read.
        """
        told = recorded.transition
        if told.evidence is None:
            raise EvidenceChanged(f"{self.subject.name} {told.version} became {told.stage} on {told.who}'s word alone")

        async def read(name: str) -> bytes:
            return await self.versions.kept(self.subject, told.version, kept_as(told.evidence or "", name))

        files = {MANIFEST: await read(MANIFEST)}
        for name in names_in(files[MANIFEST]):
            files[name] = await read(name)
        return Bundle.checked(files, told.evidence)

    async def _adopt(self, who: str) -> Rollout:
        """Begin the history with the version that serves already."""
        serving = await self.versions.named(self.subject, CHAMPION)
        if serving is None:
            raise RolloutRefused(
                f"{self.subject.name} has no champion to compare with; give it a first one (`oo bootstrap`)"
            )
        artefact = await self.versions.artefact(self.subject, serving)
        empty = Rollout(self.subject)
        why = "It served already when the history began."
        told = self._transition(empty, serving, "champion", who, why, champion=serving, artefact=artefact)
        return empty.after(await self.history.append(told, after=0))

    async def _keep(self, version: str, bundle: Bundle) -> None:
        files = {**bundle.files, MANIFEST: bundle.manifest}
        await self.versions.keep(
            self.subject, version, {kept_as(bundle.digest, name): content for name, content in files.items()}
        )

    def _moved(
        self, rollout: Rollout, move: Advance | RollBack, who: str, why: str, evidence: str | None
    ) -> Transition:
        version = rollout.version or ""
        if isinstance(move, RollBack):
            because = " ".join(filter(None, (why, *move.reasons)))
            return self._transition(rollout, version, "rolled_back", who, because, evidence=evidence)
        return self._transition(
            rollout,
            version,
            move.stage,
            who,
            why or "Every finding carries it.",
            percent=move.percent,
            champion=version if move.stage == "champion" else None,
            evidence=evidence,
        )

    def _transition(  # noqa: PLR0913  # each is a fact of the transition, given by name
        self,
        rollout: Rollout,
        version: str,
        stage: Stage,
        who: str,
        why: str,
        *,
        percent: int = 0,
        champion: str | None = None,
        evidence: str | None = None,
        artefact: Artefact | None = None,
    ) -> Transition:
        """By default the champion stays, and the artefact is the one that was proposed."""
        if artefact is None and version == rollout.version and rollout.digest is not None:
            artefact = Artefact(digest=rollout.digest, feature_digest=rollout.feature_digest)
        return Transition(
            subject=self.subject,
            version=version,
            stage=stage,
            percent=percent,
            champion=champion or rollout.champion,
            at=self.now(),
            who=who,
            why=why,
            evidence=evidence,
            digest=artefact.digest if artefact else None,
            feature_digest=artefact.feature_digest if artefact else None,
            image=self.image,
        )

    async def _follow(self, rollout: Rollout) -> None:
        traffic, names = Traffic.of(rollout), aliases_of(rollout)
        # Away from a candidate traffic goes before all else, since that needs nothing of the registry. To a version it
        # comes once that has its name.
        if rollout.withdrawn:
            await self._move(traffic)
        for alias, version in names.items():
            if version is not None:
                await self.versions.name(self.subject, alias, version)
        await self._move(traffic)
        for alias, version in names.items():
            if version is None:
                await self.versions.name(self.subject, alias, None)

    async def _move(self, traffic: Traffic | None) -> None:
        if traffic is None or self.actuator is None:
            return
        if await self.actuator.current(self.subject) != traffic:
            await self.actuator.apply(traffic)


def _is_verdict(recorded: Recorded) -> bool:
    return recorded.transition.stage in ("rolled_back", "champion")
