from datetime import timedelta

from oo.registry.history import Recorded, Stage, Transition
from oo.rollout.rollout import Rollout
from tests.unit.rollout.trial import DIGEST, MODEL, utc

Told = tuple[str, Stage, int, str]


def folded(*told: Told) -> Rollout:
    """The rollout after these (version, stage, percent, champion), an hour apart."""
    return Rollout.of(
        MODEL,
        [
            Recorded(
                sequence=10 * place,
                transition=Transition(
                    subject=MODEL,
                    version=version,
                    stage=stage,
                    percent=percent,
                    champion=champion,
                    at=utc(1) + timedelta(hours=place),
                    who="ada",
                    why="tried",
                    digest=DIGEST["2"] if stage == "challenger" else None,
                ),
            )
            for place, (version, stage, percent, champion) in enumerate(told, 1)
        ],
    )


PROMOTED: tuple[Told, ...] = (
    ("1", "champion", 0, "1"),
    ("2", "challenger", 0, "1"),
    ("2", "shadow", 0, "1"),
    ("2", "canary", 1, "1"),
    ("2", "canary", 50, "1"),
    ("2", "champion", 0, "2"),
)


def test_without_a_history_there_is_nothing() -> None:
    rollout = folded()
    assert (rollout.stage, rollout.candidate, rollout.champion, rollout.previous, rollout.sequence) == (
        None,
        None,
        None,
        None,
        0,
    )


def test_a_canary_knows_its_share_when_its_step_began_and_what_serves_beside_it() -> None:
    rollout = folded(*PROMOTED[:5])
    assert (rollout.candidate, rollout.stage, rollout.percent, rollout.champion) == ("2", "canary", 50, "1")
    assert (rollout.since, rollout.started, rollout.sequence) == (utc(1, 5), utc(1, 2), 50)
    assert rollout.digest == DIGEST["2"]
    canary = rollout.first("canary")
    assert canary is not None
    assert canary.since == utc(1, 4)


def test_a_promotion_keeps_the_way_back() -> None:
    rollout = folded(*PROMOTED)
    assert (rollout.candidate, rollout.champion, rollout.previous) == (None, "2", "1")


def test_a_champion_that_was_taken_back_is_no_way_back() -> None:
    rollout = folded(*PROMOTED, ("2", "rolled_back", 0, "1"))
    assert (rollout.champion, rollout.previous, rollout.withdrawn) == ("1", None, False)


def test_a_candidate_that_was_taken_back_leaves_the_champion() -> None:
    rollout = folded(*PROMOTED[:4], ("2", "rolled_back", 0, "1"))
    assert (rollout.candidate, rollout.champion, rollout.withdrawn) == (None, "1", True)


def test_a_repeated_step_is_a_hold_and_its_time_runs_on() -> None:
    rollout = folded(*PROMOTED[:4], PROMOTED[3])
    assert rollout.held is not None
    assert (rollout.since, rollout.sequence) == (utc(1, 4), 50)
    assert folded(*PROMOTED[:4], PROMOTED[3], PROMOTED[4]).held is None


def test_an_earlier_champion_that_is_promoted_again_goes_back_to_the_one_between() -> None:
    rollout = folded(*PROMOTED, ("1", "challenger", 0, "2"), ("1", "champion", 0, "1"))
    assert (rollout.champion, rollout.previous) == ("1", "2")
    assert folded(*PROMOTED, ("1", "champion", 0, "1"), ("1", "rolled_back", 0, "2")).champion == "2"


def test_a_second_trial_of_a_version_begins_anew() -> None:
    rollout = folded(*PROMOTED[:4], ("2", "rolled_back", 0, "1"), ("2", "challenger", 0, "1"), ("2", "shadow", 0, "1"))
    assert (rollout.started, rollout.first("canary")) == (utc(1, 6), None)
