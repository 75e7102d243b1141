"""Whatever is found out and whatever people do, in any order and with anything away."""

import asyncio
import json
from contextlib import suppress
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from oo.errors import OOError, RolloutRefused
from oo.registry.registry import CHAMPION
from oo.rollout.traffic import Traffic
from tests.unit.rollout import theatre
from tests.unit.rollout.findings import STEPS
from tests.unit.rollout.theatre import Theatre
from tests.unit.rollout.trial import MODEL

CHANGES = {
    "good": theatre.good,
    "missing": theatre.missing,
    "of_another_file": theatre.of_another_file,
    "stopped_mirror": theatre.stopped_mirror,
    "bad": theatre.bad,
}
EVENTS = st.lists(
    st.one_of(
        st.sampled_from(
            [*["wait", "advance"] * 4, "two_advance", "long_wait", "hold", "resume", "rollback", "rollback_champion"]
        ),
        st.sampled_from(["propose 2", "propose 3", "settle", "registry", "proxy"]),
        st.sampled_from(sorted(CHANGES)),
        st.just("good"),
    ),
    max_size=40,
)


async def happen(play: Theatre, event: str) -> None:  # noqa: C901  # one line an event
    conductor = play.conductor()
    with suppress(OOError):
        match event.split():
            case ["advance"]:
                await conductor.advance(who="ada")
            case ["resume"]:
                await conductor.advance(who="ada", resume=True)
            case ["two_advance"]:
                await asyncio.gather(*(play.conductor().advance(who=who) for who in "ab"), return_exceptions=True)
            case ["wait" | "long_wait" as wait]:
                play.wait(timedelta(hours=25) if wait == "wait" else timedelta(days=4))
            case ["hold"]:
                await conductor.hold(who="ada", why="Holidays.")
            case ["rollback"]:
                await conductor.rollback(who="ben", why="Complaints.")
            case ["rollback_champion"]:
                await conductor.rollback(who="ben", why="Complaints.", version=(await conductor.status()).champion)
            case ["propose", version]:
                await conductor.propose(version, who="train", why="Gates.", again=True)
            case ["registry"]:
                play.versions.down = not play.versions.down
            case ["proxy"]:
                play.proxy.down = not play.proxy.down
            case ["settle"]:
                await conductor.settle()
            case [change]:
                play.found.change = CHANGES[change]


async def assert_every_champion_has_its_evidence(play: Theatre) -> int:
    """Each but the first came step by step, and each step rests on a bundle that says so; how many there were."""
    way: list[tuple[str, int]] = []
    promoted = 0
    for recorded in await play.history.of(MODEL):
        told = recorded.transition
        step = (told.stage, told.percent)
        if told.stage == "challenger":
            way = [step]
        elif told.stage == "champion" and recorded.sequence > 1:
            assert way == list(STEPS)
            promoted += 1
        elif told.stage in ("shadow", "canary") and step != way[-1]:
            way.append(step)
        elif told.evidence is None:  # a hold, a way back, or what served when the history began
            continue
        if told.stage in ("shadow", "canary", "champion") and told.evidence is not None:
            evidence = json.loads((await play.conductor().bundle(recorded)).files["evidence.json"])
            assert evidence["artefact"]["digest"] == told.digest == play.found.digests[told.version]
            assert (evidence["unreachable"], evidence["version"]) == ([], told.version)
            assert all(condition["met"] for condition in evidence["conditions"])
            if told.stage != "shadow":
                assert evidence["shadow"]["all"]["coverage"]["paired"] == 5_000
        elif told.stage == "champion":
            assert recorded.sequence == 1
    return promoted


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 8), EVENTS)
def test_no_path_reaches_the_champions_place_without_its_evidence_and_every_path_can_go_back(
    onwards: int, events: list[str]
) -> None:
    async def live() -> None:
        play = Theatre()
        await play.conductor().propose("2", who="train", why="Gates.")
        for event in ["wait", "advance"] * onwards + events:
            await happen(play, event)
        await assert_every_champion_has_its_evidence(play)
        play.versions.down = play.proxy.down = False
        await play.conductor().settle()
        assert await play.is_settled()
        await assert_it_can_go_back(play)

    asyncio.run(live())


async def assert_it_can_go_back(play: Theatre) -> None:
    before = await play.conductor().status()
    if before.stage == "champion" and before.previous is None:
        with suppress(RolloutRefused):
            await play.conductor().rollback(who="ben", why="Complaints.")
            raise AssertionError("there is nothing to go back to")
        return
    after = await play.conductor().rollback(who="ben", why="Complaints.")
    trial = before.stage in ("shadow", "canary", "rolled_back") or before.previous is None
    assert after.champion == (before.champion if trial else before.previous)
    assert play.proxy.traffic == Traffic(MODEL, after.champion or "")
    assert play.aliases()[CHAMPION] == after.champion
    assert after.candidate is None


def test_the_paths_do_reach_the_champions_place() -> None:
    """Or the property above would hold of a machine that never moves."""

    async def live() -> int:
        play = Theatre()
        await play.conductor().propose("2", who="train", why="Gates.")
        for event in ["wait", "advance"] * 8:
            await happen(play, event)
        return await assert_every_champion_has_its_evidence(play)

    assert asyncio.run(live()) == 1
