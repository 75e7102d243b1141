from sqlalchemy import Engine

from oo.events.decision import Versioned
from oo.events.feedback import ReactionKind
from oo.rewards.join import apply
from oo.rewards.policy_states import PolicyKey, known_policies, policy_states
from tests.unit.rewards.feedback_events import at, exposed, generated, reacted, scored, window_of

CLICKED, DISMISSED = ReactionKind.CLICKED, ReactionKind.DISMISSED
POLICY = PolicyKey("t1", "epsilon_greedy", "1")
OTHER_VERSION = Versioned(name="epsilon_greedy", version="2")


def test_an_arm_learns_when_its_window_is_over(engine: Engine) -> None:
    apply(engine, [scored("d1"), exposed("d1", minutes=0)], window_of)

    assert policy_states(engine, [POLICY], at(59)) == {POLICY: {}}
    assert policy_states(engine, [POLICY], at(60)) == {POLICY: {"walk": (1, 0.0)}}


def test_a_click_is_not_learned_before_the_silences_of_its_time(engine: Engine) -> None:
    apply(engine, [scored("d1"), exposed("d1", minutes=0), reacted(CLICKED, "d1")], window_of)
    apply(engine, [scored("d2"), exposed("d2", minutes=0)], window_of)

    assert policy_states(engine, [POLICY], at(59)) == {POLICY: {}}
    assert policy_states(engine, [POLICY], at(60)) == {POLICY: {"walk": (2, 1.0)}}


def test_each_arm_has_its_own_totals(engine: Engine) -> None:
    apply(
        engine,
        [
            *(scored("d1", "walk"), exposed("d1", "walk"), reacted(ReactionKind.SAVED, "d1", "walk")),
            *(scored("d2", "walk"), exposed("d2", "walk"), reacted(DISMISSED, "d2", "walk")),
            *(scored("d3", "breathe"), exposed("d3", "breathe"), reacted(CLICKED, "d3", "breathe", minutes=62)),
        ],
        window_of,
    )

    assert policy_states(engine, [POLICY], at(100)) == {POLICY: {"walk": (2, 1.0), "breathe": (1, 0.0)}}


def test_degraded_and_never_exposed_decisions_teach_nothing(engine: Engine) -> None:
    apply(engine, [scored("d1", degraded=("no_model",)), exposed("d1"), reacted(CLICKED, "d1")], window_of)
    apply(engine, [scored("d2"), reacted(CLICKED, "d2")], window_of)

    assert policy_states(engine, [POLICY], at(100)) == {POLICY: {}}


def test_a_policy_learns_from_its_own_decisions_only(engine: Engine) -> None:
    apply(engine, [scored("d1", policy=OTHER_VERSION), exposed("d1")], window_of)
    apply(engine, [scored("d2", tenant="t2"), exposed("d2", tenant="t2")], window_of)
    other = PolicyKey("t1", "epsilon_greedy", "2")

    states = policy_states(engine, [POLICY, other], at(100))

    assert states == {POLICY: {}, other: {"walk": (1, 0.0)}}


def test_every_policy_that_decided_is_known(engine: Engine) -> None:
    apply(engine, [scored("d1"), scored("d2"), scored("d3", tenant="t2"), generated("d4")], window_of)

    assert known_policies(engine) == {POLICY, PolicyKey("t2", "epsilon_greedy", "1")}
