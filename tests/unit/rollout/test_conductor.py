import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from oo.errors import (
    EvidenceChanged,
    HistoryMoved,
    OfflineStoreFailed,
    RegistryUnreachable,
    RolloutRefused,
    TrafficRefused,
)
from oo.registry.history import Recorded, Stage, Subject, Transition
from oo.registry.memory_history import MemoryHistory
from oo.registry.registry import Alias
from oo.rollout.conductor import Conductor, Outcome
from oo.rollout.evidence import Artefact, Evidence
from oo.rollout.plan import Advance, Hold, RollBack
from oo.rollout.requirements import Requirements
from oo.rollout.rollout import Rollout
from oo.rollout.traffic import Traffic
from tests.unit.rollout import theatre
from tests.unit.rollout.findings import ASKED, STEPS, evidence_for
from tests.unit.rollout.theatre import NOON, Killed, Lights, Proxy, Theatre
from tests.unit.rollout.trial import MODEL

ON_TRIAL = STEPS
CHAMPION_STEP = ("champion", 0)


@pytest.fixture
def play() -> Theatre:
    return Theatre()


async def test_a_candidate_goes_all_the_way_and_names_and_traffic_go_with_it(play: Theatre) -> None:
    conductor = play.conductor()
    await conductor.propose("2", who="train-7", why="It passed all gates.")
    assert play.aliases() == {"champion": "1", "challenger": "2"}
    assert play.proxy.traffic == Traffic(MODEL, "1")
    seen = []
    for _ in range(7):
        play.wait()
        outcome = await conductor.advance(who="ada")
        assert isinstance(outcome.move, Advance)
        assert play.proxy.traffic is not None
        seen.append((outcome.rollout.stage, play.proxy.traffic.mirror, play.proxy.traffic.percent, play.aliases()))
    assert seen == [
        ("shadow", True, 0, {"champion": "1", "shadow": "2"}),
        *(("canary", False, percent, {"champion": "1", "canary": "2"}) for percent in (1, 5, 10, 25, 50)),
        ("champion", False, 0, {"champion": "2", "previous": "1"}),
    ]
    assert play.proxy.traffic == Traffic(MODEL, "2")


async def test_what_served_before_the_history_begins_it(play: Theatre) -> None:
    await play.conductor().propose("2", who="train-7", why="It passed all gates.")
    first, second = await play.told()
    assert (first.version, first.stage, first.digest) == ("1", "champion", play.registered[0].digest)
    assert (second.version, second.stage, second.champion) == ("2", "challenger", "1")
    assert (second.digest, second.feature_digest) == (play.registered[1].digest, "cc" * 32)


async def test_the_way_to_the_champions_place_is_evidence_that_can_be_read_again(play: Theatre) -> None:
    await play.on_stage(*CHAMPION_STEP)
    steps = (await play.history.of(MODEL))[2:]
    assert len(steps) == 7
    for recorded in steps:
        bundle = await play.conductor().bundle(recorded)
        assert bundle.digest == recorded.transition.evidence
        assert json.loads(bundle.files["evidence.json"])["artefact"]["digest"] == recorded.transition.digest
    assert json.loads(bundle.files["move.json"])["stage"] == "champion"


async def test_a_bundle_that_was_changed_in_the_registry_is_refused(play: Theatre) -> None:
    await play.on_stage("shadow")
    recorded = (await play.history.of(MODEL))[-1]
    name = f"evidence-{recorded.transition.evidence}-requirements.json"
    play.registry.attach(play.registered[1], {name: b"{}"}, {})
    with pytest.raises(EvidenceChanged, match=r"requirements\.json was changed"):
        await play.conductor().bundle(recorded)
    with pytest.raises(EvidenceChanged, match="on ada's word alone"):
        await play.conductor().bundle((await play.history.of(MODEL))[1])


async def test_what_a_step_rested_on_is_found_by_its_hash_and_that_of_the_last_step_without(play: Theatre) -> None:
    with pytest.raises(RolloutRefused, match="no step of digits rests on evidence yet"):
        await play.conductor().rested_on()
    await play.on_stage("canary", 1)
    shadow, canary = (await play.history.of(MODEL))[-2:]
    assert (await play.conductor().rested_on())[0] == canary
    found, bundle = await play.conductor().rested_on((shadow.transition.evidence or "")[:12])
    assert (found, bundle.digest) == (shadow, shadow.transition.evidence)
    with pytest.raises(RolloutRefused, match="rests on evidence 'none'; `oo model history digits` shows"):
        await play.conductor().rested_on("none")


async def test_two_operators_at_once_one_advances(play: Theatre) -> None:
    await play.on_stage("shadow")
    play.wait()
    before = len(await play.told())
    done = await asyncio.gather(
        *(play.conductor().advance(who=who) for who in ("ada", "ben", "cleo")), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["HistoryMoved", "HistoryMoved", "Outcome"]
    assert len(await play.told()) == before + 1
    assert await play.is_settled()


async def test_a_rollback_beats_an_advance_that_is_under_way(play: Theatre) -> None:
    await play.on_stage("canary", 50)
    play.wait()
    deciding, decide = asyncio.Event(), asyncio.Event()
    collect = play.found.collect

    async def slowly(rollout: Rollout, now: datetime) -> Evidence:
        deciding.set()
        await decide.wait()
        return await collect(rollout, now)

    play.found.collect = slowly  # type: ignore[method-assign]  # this one takes its time
    advancing = asyncio.create_task(play.conductor().advance(who="ada"))
    await deciding.wait()
    await play.conductor().rollback(who="ben", why="Complaints.")
    decide.set()
    with pytest.raises(HistoryMoved):
        await advancing
    assert play.proxy.traffic == Traffic(MODEL, "1")
    assert play.aliases() == {"champion": "1"}


async def test_a_rollback_that_is_overtaken_by_an_advance_decides_again(play: Theatre) -> None:
    await play.on_stage("canary", 50)
    play.wait()
    conductor, overtaken = play.conductor(), False
    append = conductor.history.append

    async def late(transition: Transition, *, after: int) -> Recorded:
        nonlocal overtaken
        if not overtaken:
            overtaken = True
            assert (await play.conductor().advance(who="ada")).rollout.champion == "2"
        return await append(transition, after=after)

    conductor.history.append = late  # type: ignore[method-assign]  # so that another comes between
    assert (await conductor.rollback(who="ben", why="Complaints.")).champion == "1"
    assert [told.stage for told in await play.told()][-2:] == ["champion", "rolled_back"]
    assert await play.is_settled()


@pytest.mark.parametrize("step", ON_TRIAL)
async def test_every_step_of_a_trial_can_be_rolled_back(play: Theatre, step: tuple[Stage, int]) -> None:
    await play.on_stage(*step)
    rollout = await play.conductor().rollback(who="ben", why="Complaints.")
    assert (rollout.stage, rollout.champion) == ("rolled_back", "1")
    assert (await play.told())[-1].why == "Complaints."
    assert play.aliases() == {"champion": "1"}
    assert play.proxy.traffic == Traffic(MODEL, "1")


async def test_a_champion_can_be_rolled_back_and_once_more_is_not_one_further(play: Theatre) -> None:
    await play.on_stage(*CHAMPION_STEP)
    for _ in range(2):
        rollout = await play.conductor().rollback(who="ben", why="Complaints.")
        assert (rollout.champion, rollout.previous) == ("1", None)
        assert play.aliases() == {"champion": "1"}
        assert play.proxy.traffic == Traffic(MODEL, "1")
    assert [told.stage for told in await play.told()].count("rolled_back") == 1


async def test_a_bad_champion_goes_back_before_a_challenger_that_nobody_sees(play: Theatre) -> None:
    await play.on_stage(*CHAMPION_STEP)
    await play.conductor().propose("3", who="train-8", why="It passed all gates.")
    rollout = await play.conductor().rollback(who="ben", why="Complaints.")
    assert (rollout.version, rollout.champion) == ("2", "1")


async def test_to_take_back_the_champion_ends_the_trial_beside_it(play: Theatre) -> None:
    await play.on_stage(*CHAMPION_STEP)
    await play.conductor().propose("3", who="train-8", why="It passed all gates.")
    play.wait()
    await play.conductor().advance(who="ada")
    await play.conductor().rollback(who="ben", why="Complaints.", version="2")
    assert [(told.version, told.stage, told.champion) for told in (await play.told())[-2:]] == [
        ("3", "rolled_back", "2"),
        ("2", "rolled_back", "1"),
    ]
    assert await play.is_settled()


async def test_there_is_no_way_back_from_the_first_champion_nor_for_a_stranger(play: Theatre) -> None:
    with pytest.raises(RolloutRefused, match="neither on trial"):
        await play.conductor().rollback(who="ben", why="Complaints.")
    await play.on_stage("shadow")
    with pytest.raises(RolloutRefused, match="first champion"):
        await play.conductor().rollback(who="ben", why="Complaints.", version="1")
    with pytest.raises(RolloutRefused, match="digits 9 is neither"):
        await play.conductor().rollback(who="ben", why="Complaints.", version="9")
    assert (await play.conductor().status()).stage == "shadow"


async def test_a_rollback_needs_neither_evidence_nor_the_registry(play: Theatre) -> None:
    await play.on_stage("canary", 5)
    play.versions.down = True
    with pytest.raises(RegistryUnreachable):
        await play.conductor().rollback(who="ben", why="Complaints.")
    assert play.proxy.traffic == Traffic(MODEL, "1")
    assert (await play.conductor().status()).stage == "rolled_back"
    play.versions.down = False
    await play.conductor().settle()
    assert await play.is_settled()


@pytest.mark.parametrize("change", [theatre.missing, theatre.of_another_file, theatre.stopped_mirror])
@pytest.mark.parametrize("step", [("shadow", 0), ("canary", 50)])
async def test_without_its_evidence_nothing_moves(
    play: Theatre, step: tuple[Stage, int], change: Callable[[Evidence], Evidence]
) -> None:
    await play.on_stage(*step)
    play.wait()
    play.found.change = change
    before = await play.told()
    outcome = await play.conductor().advance(who="ada")
    assert isinstance(outcome.move, Hold)
    assert (await play.told(), outcome.evidence) == (before, None)


async def test_a_source_that_fails_holds_and_says_why(play: Theatre) -> None:
    await play.on_stage("shadow")

    async def fail(rollout: Rollout, now: datetime) -> Evidence:  # noqa: ARG001  # as in the source
        raise OfflineStoreFailed("no room; make some")

    play.found.collect = fail  # type: ignore[method-assign]  # for once
    outcome = await play.conductor().advance(who="ada")
    assert isinstance(outcome.move, Hold)
    assert "no room; make some" in outcome.move.reasons


async def test_a_registry_that_cannot_keep_the_evidence_holds(play: Theatre) -> None:
    await play.on_stage("shadow")
    play.wait()
    keep = play.versions.keep

    async def fail(*_: object) -> None:
        raise RegistryUnreachable("the registry is away")

    play.versions.keep = fail  # type: ignore[method-assign,assignment]  # for once
    outcome = await play.conductor().advance(who="ada")
    assert isinstance(outcome.move, Hold)
    assert outcome.move.reasons == ("The evidence could not be kept: the registry is away",)
    play.found.change = theatre.bad
    outcome = await play.conductor().advance(who="ada")
    assert isinstance(outcome.move, RollBack)
    assert (await play.told())[-1].evidence is None
    play.versions.keep = keep  # type: ignore[method-assign]  # it is back


@pytest.mark.parametrize("step", [("shadow", 0), ("canary", 1)])
async def test_a_bad_challenger_goes_back_by_itself_with_words_and_evidence(
    play: Theatre, step: tuple[Stage, int]
) -> None:
    await play.on_stage(*step)
    play.wait()
    play.found.change = theatre.bad
    outcome = await play.conductor().advance(who="promote-3")
    assert isinstance(outcome.move, RollBack)
    last = (await play.history.of(MODEL))[-1]
    assert (last.transition.stage, last.transition.champion) == ("rolled_back", "1")
    assert "the model is broken" in last.transition.why
    assert (await play.conductor().bundle(last)).digest == outcome.evidence
    assert await play.is_settled()


async def test_a_hold_holds_until_somebody_resumes(play: Theatre) -> None:
    await play.on_stage("shadow")
    await play.conductor().hold(who="ada", why="Holidays.")
    play.wait()
    outcome = await play.conductor().advance(who="promote-3")
    assert isinstance(outcome.move, Hold)
    assert outcome.move.reasons == ("ada holds it: Holidays.",)
    assert (await play.conductor().advance(who="ada", resume=True)).rollout.stage == "canary"
    with pytest.raises(RolloutRefused, match="nothing to hold"):
        await Theatre().conductor().hold(who="ada", why="Holidays.")


async def test_a_plan_changes_nothing(play: Theatre) -> None:
    await play.on_stage("shadow")
    play.wait()
    before, applied = await play.told(), play.proxy.applied
    planned = await play.conductor().plan()
    assert planned.move == Advance("canary", 1, planned.move.reasons)
    assert (await play.told(), play.proxy.applied) == (before, applied)


async def test_to_propose_again_what_is_on_its_way_or_there_changes_nothing(play: Theatre) -> None:
    await play.on_stage("canary", 1)
    before = await play.told()
    for version in ("2", "1"):
        await play.conductor().propose(version, who="train-7", why="Run again.")
    assert await play.told() == before


async def test_a_trial_is_not_disturbed_and_a_mere_challenger_is_replaced(play: Theatre) -> None:
    await play.conductor().propose("2", who="train-7", why="It passed all gates.")
    rollout = await play.conductor().propose("3", who="train-8", why="It passed all gates.")
    assert rollout.candidate == "3"
    assert play.aliases() == {"champion": "1", "challenger": "3"}
    play.wait()
    await play.conductor().advance(who="ada")
    with pytest.raises(RolloutRefused, match="digits 3 is on trial as a shadow"):
        await play.conductor().propose("4", who="train-9", why="It passed all gates.")


async def test_what_went_back_is_tried_again_only_when_somebody_says_so(play: Theatre) -> None:
    await play.on_stage("shadow")
    await play.conductor().rollback(who="ben", why="Complaints.")
    with pytest.raises(RolloutRefused, match="`--again` tries it once more"):
        await play.conductor().propose("2", who="train-7", why="Run again.")
    rollout = await play.conductor().propose("2", who="ada", why="The proxy was at fault.", again=True)
    assert rollout.stage == "challenger"


async def test_a_subject_without_a_champion_is_refused(play: Theatre) -> None:
    play.registry.remove_alias("digits", "champion")
    with pytest.raises(RolloutRefused, match="no champion to compare with"):
        await play.conductor().propose("2", who="train-7", why="It passed all gates.")


async def test_nothing_in_flight_holds(play: Theatre) -> None:
    outcome = await play.conductor().advance(who="ada")
    assert outcome == Outcome(Rollout(MODEL), Hold(("No version of digits is being rolled out; propose one.",)))
    assert play.aliases() == {"champion": "1"}


async def test_traffic_that_cannot_follow_is_told_and_follows_later(play: Theatre) -> None:
    await play.on_stage("shadow")
    play.wait()
    play.proxy.down = True
    with pytest.raises(TrafficRefused):
        await play.conductor().advance(who="ada")
    assert (await play.conductor().status()).stage == "canary"
    play.proxy.down = False
    await play.conductor().settle()
    assert await play.is_settled()


async def test_to_settle_what_is_settled_moves_nothing(play: Theatre) -> None:
    await play.on_stage("canary", 10)
    applied = play.proxy.applied
    await play.conductor().settle()
    assert play.proxy.applied == applied


async def test_a_stranger_who_moved_traffic_or_names_is_put_right(play: Theatre) -> None:
    await play.on_stage("canary", 10)
    play.proxy.traffic = Traffic(MODEL, "1", "2", percent=90)
    play.registry.set_alias("digits", "champion", 4)
    play.registry.set_alias("digits", "shadow", 4)
    await play.conductor().settle()
    assert await play.is_settled()


async def test_a_settling_that_is_overtaken_follows_the_newest_history(play: Theatre) -> None:
    """One operator's traffic call is still under way when another rolls back: the older one must not win."""
    await play.on_stage("shadow")
    play.wait()
    apply, overtaken = play.proxy.apply, False

    async def slowly(traffic: Traffic) -> None:
        nonlocal overtaken
        if traffic.percent and not overtaken:
            overtaken = True
            await play.conductor().rollback(who="ben", why="Complaints.")
        await apply(traffic)

    play.proxy.apply = slowly  # type: ignore[method-assign]  # so that another comes between
    await play.conductor().advance(who="ada")
    assert overtaken
    assert play.proxy.traffic == Traffic(MODEL, "1")


PLACES = range(2 * 12)


async def _killed(play: Theatre, command: Callable[[Conductor], object], place: int) -> bool:
    """Run a command in a process that dies there; whether it did."""
    play.lights.done, play.lights.kill_at = 0, place
    try:
        await command(play.conductor())  # type: ignore[misc]  # each gives something to await
    except Killed:
        return True
    finally:
        play.lights.kill_at = None
    return False


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("step", [("challenger", 0), ("shadow", 0), ("canary", 50)])
async def test_a_crash_at_any_place_of_an_advance_is_repaired(step: tuple[Stage, int], place: int) -> None:
    play = Theatre()
    await play.on_stage(*step)
    play.wait()
    before = len(await play.told())
    await _killed(play, lambda conductor: conductor.advance(who="ada"), place)
    await play.conductor().settle()
    assert await play.is_settled()
    if len(await play.told()) == before:
        await play.conductor().advance(who="ada")
    assert len(await play.told()) == before + 1
    assert await play.is_settled()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("step", [("canary", 5), CHAMPION_STEP])
async def test_a_crash_at_any_place_of_a_rollback_is_repaired(step: tuple[Stage, int], place: int) -> None:
    play = Theatre()
    await play.on_stage(*step)
    await _killed(play, lambda conductor: conductor.rollback(who="ben", why="Complaints."), place)
    await play.conductor().rollback(who="ben", why="Complaints.")
    assert play.aliases() == {"champion": "1"}
    assert play.proxy.traffic == Traffic(MODEL, "1")
    assert [told.stage for told in await play.told()].count("rolled_back") == 1


@pytest.mark.parametrize("place", PLACES)
async def test_a_crash_at_any_place_of_a_proposal_is_repaired(place: int) -> None:
    play = Theatre()
    propose: Callable[[Conductor], object] = lambda conductor: conductor.propose("2", who="train-7", why="Gates.")  # noqa: E731  # twice the same
    await _killed(play, propose, place)
    assert not await _killed(play, propose, -1)
    assert [(told.version, told.stage) for told in await play.told()] == [("1", "champion"), ("2", "challenger")]
    assert await play.is_settled()


async def test_the_places_of_a_crash_are_all_there_are(play: Theatre) -> None:
    await play.on_stage("canary", 50)
    play.wait()
    play.lights.done = 0
    await play.conductor().advance(who="ada")
    assert 4 < play.lights.done <= len(PLACES) / 2


@dataclass
class Policies:
    """Versions of policies, as a catalog and files beside it would keep them."""

    digests: dict[str, str]
    names: dict[Alias, str] = field(default_factory=lambda: {"champion": "1"})
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    async def artefact(self, _: Subject, version: str) -> Artefact:
        return Artefact(digest=self.digests[version])

    async def named(self, _: Subject, alias: Alias) -> str | None:
        return self.names.get(alias)

    async def name(self, _: Subject, alias: Alias, version: str | None) -> None:
        self.names = {**self.names, alias: version} if version else {a: v for a, v in self.names.items() if a != alias}

    async def keep(self, _: Subject, version: str, files: Mapping[str, bytes]) -> None:
        self.files |= {(version, name): content for name, content in files.items()}

    async def kept(self, _: Subject, version: str, name: str) -> bytes:
        return self.files[version, name]

    async def tell(self, _: Subject, history: Sequence[Recorded]) -> None:
        self.told = [one.transition.stage for one in history]


@dataclass
class PolicyEvidence:
    async def collect(self, rollout: Rollout, now: datetime) -> Evidence:
        return evidence_for(rollout, collected_at=now, artefact=Artefact(digest="bb" * 32), served_feature_digest=None)


async def test_a_policy_changes_by_the_same_machine() -> None:
    subject = Subject(kind="policy", name="digits")
    policies, proxy, now = Policies({"1": "aa" * 32, "2": "bb" * 32}), Proxy(Lights()), [NOON]
    conductor = Conductor(
        subject=subject,
        history=MemoryHistory(),
        versions=policies,
        actuator=proxy,
        evidence=PolicyEvidence(),
        requirements=Requirements(**ASKED.model_dump() | {"percents": (10,)}),
        now=lambda: now[0],
    )
    await conductor.propose("2", who="ada", why="Thompson sampling learns faster.")
    for stage in ("shadow", "canary", "champion"):
        now[0] += timedelta(hours=25)
        assert (await conductor.advance(who="ada")).rollout.stage == stage
    assert policies.names == {"champion": "2", "previous": "1"}
    assert proxy.traffic == Traffic(subject, "2")
    recorded = (await conductor.history.of(subject))[-1]
    assert "evidence.json" in (await conductor.bundle(recorded)).files
    assert (await conductor.rollback(who="ben", why="Complaints.")).champion == "1"
