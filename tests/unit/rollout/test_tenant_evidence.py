import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from oo.cards.policies import policy_facts
from oo.cards.shelf import Shelf
from oo.catalog import Catalog
from oo.decisions.splits import is_canarys
from oo.errors import UnknownPolicy
from oo.events.decision import GenerateDecided, ModelUsed, ServingRole, Versioned
from oo.events.envelope import Envelope
from oo.events.feedback import ReactionKind, TipExposed, TipReacted
from oo.experiments.epsilon_greedy import EpsilonGreedy
from oo.experiments.policy import Policy
from oo.experiments.thompson import Thompson
from oo.experiments.uniform import Uniform
from oo.registry.history import Recorded, Stage, Subject, Transition
from oo.rollout.evidence import Artefact, Condition, Evidence
from oo.rollout.plan import Advance, Hold, Move, RollBack, plan
from oo.rollout.records import Records, of_policy, of_prompt
from oo.rollout.reports import Reports
from oo.rollout.requirements import Requirements
from oo.rollout.rollout import Rollout
from oo.rollout.tenant_evidence import TenantEvidence, card_condition
from tests.envelopes import envelope
from tests.training_data import CATALOG, WINDOW, World, exposure, reaction
from tests.unit.rollout.trial import at, decided

POLICY, PROMPT = Subject(kind="policy", name="digits"), Subject(kind="prompt", name="digits")
GREEDY = EpsilonGreedy(version="2", epsilon=0.1)
ASKED = Requirements(
    settling=timedelta(0),
    grace=timedelta(0),
    shadow_hold=timedelta(minutes=10),
    canary_hold=timedelta(minutes=10),
    pairs=100,
    decisions=20,
    exposures=20,
    percents=(25,),
    confidence=0.9,
    error_margin=0.2,
    reward_margin=0.3,
    coverage=0.9,
)
STEP = timedelta(minutes=20)
LATER = WINDOW + timedelta(hours=1)
HASH = {"v1": "aa" * 32, "v2": "bb" * 32}
ARMS = ("0", "1", "2")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.in_folder(tmp_path)
    yield world
    world.engine.dispose()


class Digests:
    """Versions of which nothing but the digest is asked."""

    async def artefact(self, subject: Subject, version: str) -> Artefact:
        if version not in {GREEDY.id, "v2", "thompson@1", "uniform@2"}:
            raise UnknownPolicy(f"{subject} declares no {version}")
        return Artefact(digest=HASH["v2"])

    named = name = keep = kept = None


def card(_version: str) -> Condition:
    return Condition(name="card", met=True, sentence="It is complete.")


def source(world: World, records: Callable[[str], Records]) -> TenantEvidence:
    return TenantEvidence(Reports(world.store, world.engine, ASKED), Digests(), records, card)  # type: ignore[arg-type]  # names and files are not asked


def rollout_of(subject: Subject, champion: str, candidate: str, *steps: tuple[Stage, int]) -> Rollout:
    """The candidate at these steps, each of them twenty minutes."""
    told: Sequence[tuple[Stage, int]] = (("challenger", 0), *steps)
    return Rollout.of(
        subject,
        [
            Recorded(
                sequence=place + 1,
                transition=Transition(
                    subject=subject,
                    version=candidate,
                    stage=stage,
                    percent=percent,
                    champion=champion,
                    at=at(0) + (place - 1) * STEP,
                    who="ada",
                    why="told",
                    digest=HASH["v2"],
                ),
            )
            for place, (stage, percent) in enumerate(told)
        ],
    )


def shown(decision: Envelope, *, clicked: bool) -> list[Envelope]:
    kind = ReactionKind.CLICKED if clicked else ReactionKind.DISMISSED
    return [exposure(decision), reaction(decision, kind)]


def tell(world: World, decisions: Sequence[Envelope], feedback: Sequence[Envelope], first: int = 1) -> None:
    world.tell("DECISIONS", decisions, first)
    world.tell("FEEDBACK", feedback, first)


def decided_by(decision: Envelope, policy: Policy) -> Envelope:
    assert decision.score_decided is not None
    made = decision.score_decided.model_copy(update={"policy": Versioned(name=policy.name, version=policy.version)})
    return decision.model_copy(update={"score_decided": made})


def tell_uniform(world: World, *, earns: str, numbers: Sequence[int] = range(0, 1_200, 8)) -> datetime:
    """Twenty minutes of uniform choices of which one arm earns, and an hour for its rewards."""
    decisions = [decided(number, chosen=ARMS[number % 3]) for number in numbers]
    feedback = []
    for number, decision in zip(numbers, decisions, strict=True):
        feedback += shown(decision, clicked=ARMS[number % 3] == earns)
    tell(world, decisions, feedback)
    return at(1_200) + LATER


async def judged(world: World, rollout: Rollout, candidate: Policy, now: datetime) -> tuple[Evidence, Move]:
    evidence = await source(world, lambda _: of_policy("digits", candidate)).collect(rollout, now)
    return evidence, plan(rollout, evidence, ASKED, now)


SHADOWED = rollout_of(POLICY, "uniform@1", GREEDY.id, ("shadow", 0))


async def test_a_policy_is_replayed_over_what_was_decided_and_valued_by_what_that_earned(world: World) -> None:
    now = tell_uniform(world, earns="2")
    evidence, move = await judged(world, SHADOWED, GREEDY, now)
    assert evidence.unreachable == ()
    assert evidence.shadow is not None
    pairs, value = evidence.shadow.all, evidence.shadow.value
    assert (pairs.coverage.expected, pairs.coverage.paired, pairs.compared) == (150, 150, 150)
    assert value is not None
    assert value.exposures == 150
    assert value.logged == pytest.approx(1 / 3)
    # The arm of the best score gets 0.9 and a third of 0.1.
    assert value.candidate == pytest.approx(0.9 + 0.1 / 3)
    weights = [3 * (0.9 + 0.1 / 3)] * 50 + [3 * 0.1 / 3] * 100
    assert value.effective == pytest.approx(sum(weights) ** 2 / sum(weight**2 for weight in weights))
    assert value.mean_weight == pytest.approx(1.0)
    assert isinstance(move, Advance), move
    assert (move.stage, move.percent) == ("canary", 25)


async def test_a_policy_that_would_have_earned_less_goes_back(world: World) -> None:
    _, move = await judged(world, SHADOWED, GREEDY, tell_uniform(world, earns="0"))
    assert isinstance(move, RollBack), move
    assert "it would earn less" in move.reasons[0]


async def test_too_few_exposures_to_value_a_policy_hold_however_bad_they_look(world: World) -> None:
    numbers = range(0, 1_200, 8)
    decisions = [decided(number, chosen=ARMS[number % 3]) for number in numbers]
    tell(world, decisions, [event for one in decisions[:30] for event in shown(one, clicked=False)])
    evidence, move = await judged(world, SHADOWED, GREEDY, at(1_200) + LATER)
    assert evidence.shadow is not None
    assert evidence.shadow.value is not None
    assert evidence.shadow.value.effective < 20
    assert isinstance(move, Hold)
    assert "of at least 20: wait for more" in " ".join(move.reasons)


async def test_without_a_reward_a_policy_is_not_valued_and_waits(world: World) -> None:
    world.tell("DECISIONS", [decided(number) for number in range(0, 1_200, 8)])
    evidence, move = await judged(world, SHADOWED, GREEDY, at(1_200))
    assert evidence.shadow is not None
    assert evidence.shadow.value is None
    assert isinstance(move, Hold)
    assert "Nothing was earned yet" in " ".join(move.reasons)


async def test_rare_rewards_of_which_none_fell_to_the_candidate_are_no_proof_against_it(world: World) -> None:
    decisions = [decided(number, chosen=ARMS[number % 3]) for number in range(0, 1_200, 8)]
    feedback = [event for place, one in enumerate(decisions) for event in shown(one, clicked=place == 0)]
    assert decisions[0].score_decided is not None
    assert decisions[0].score_decided.tip_id == "0"
    tell(world, decisions, feedback)
    never_the_first = EpsilonGreedy(version="2", epsilon=0.0)
    evidence, move = await judged(world, SHADOWED, never_the_first, at(1_200) + LATER)
    assert evidence.shadow is not None
    assert evidence.shadow.value is not None
    assert evidence.shadow.value.candidate == 0
    assert evidence.shadow.value.candidate_interval.high > 0.02
    assert isinstance(move, Advance), move


async def test_a_decision_without_scores_cannot_be_replayed_for_a_policy_that_needs_them(world: World) -> None:
    told = []
    for number in range(0, 1_200, 8):
        lacking = decided(number + 4, scores=dict.fromkeys(ARMS), degraded=["model"])
        told += [decided(number), decided_by(lacking, Uniform(version="fallback"))]
    world.tell("DECISIONS", told)
    evidence, move = await judged(world, SHADOWED, GREEDY, at(1_200))
    assert evidence.shadow is not None
    assert (evidence.shadow.all.coverage.expected, evidence.shadow.all.coverage.paired) == (300, 150)
    assert isinstance(move, Hold)
    assert "look at the model, whose scores are missing" in " ".join(move.reasons)
    uniform = rollout_of(POLICY, "uniform@1", "uniform@2", ("shadow", 0))
    evidence, _ = await judged(world, uniform, Uniform(version="2"), at(1_200))
    assert evidence.shadow is not None
    assert evidence.shadow.all.coverage.paired == 300


async def test_a_learner_is_replayed_with_what_the_serving_learner_knew(world: World) -> None:
    known = {"0": [400, 300.0], "1": [400, 4.0], "2": [400, 4.0]}
    told = []
    for number in range(0, 1_200, 8):
        one = decided(number)
        assert one.score_decided is not None
        made = one.score_decided.model_copy(
            update={"policy": Versioned(name="thompson", version="0"), "policy_state": known}
        )
        told.append(one.model_copy(update={"score_decided": made}))
    world.tell("DECISIONS", told)
    rollout = rollout_of(POLICY, "thompson@0", "thompson@1", ("shadow", 0))
    records = of_policy("digits", Thompson(version="1", floor=0.01))
    stable, replayed = records.read(told[0])
    assert (stable.version, replayed.version, replayed.best) == ("thompson@0", "thompson@1", "0")
    assert replayed.scores[0] > 0.98
    evidence = await source(world, lambda _: records).collect(rollout, at(1_200))
    assert evidence.shadow is not None
    assert evidence.shadow.all.compared == 150


def test_decisions_of_canaries_shadows_and_experiments_say_nothing_of_a_policy() -> None:
    records = of_policy("digits", GREEDY)
    assert [*records.read(decided(1, ServingRole.CANARY)), *records.read(decided(1, ServingRole.SHADOW))] == []
    one = decided(1)
    assert one.score_decided is not None
    assert len(list(records.read(one))) == 2
    experiment = {"experiment": {"name": "first", "variant": "a"}}
    told = one.model_dump()
    told["score_decided"] |= experiment
    assert list(records.read(Envelope.model_validate(told))) == []


def canary_decisions(*, worse: bool) -> tuple[list[Envelope], list[Envelope]]:
    """Twenty minutes of which a quarter was the candidate's, by the dice."""
    rng = random.Random(0)  # noqa: S311  # the people's whims
    decisions, feedback = [], []
    for number in range(1_200, 2_400, 2):
        canary = is_canarys("policy", str(UUID(int=number)), 25)
        one = decided_by(decided(number), GREEDY if canary else Uniform(version="1"))
        decisions.append(one)
        feedback += shown(one, clicked=rng.random() < (0.2 if canary and worse else 0.5))
    return decisions, feedback


@pytest.mark.parametrize(("worse", "move"), [(False, Advance), (True, RollBack)])
async def test_a_policys_canary_is_told_apart_by_its_version(world: World, worse: bool, move: type[Move]) -> None:  # noqa: FBT001
    tell_uniform(world, earns="2")
    decisions, feedback = canary_decisions(worse=worse)
    tell(world, decisions, feedback, first=1_000)
    canary = rollout_of(POLICY, "uniform@1", GREEDY.id, ("shadow", 0), ("canary", 25))
    evidence, planned = await judged(world, canary, GREEDY, at(2_400) + LATER)
    report = evidence.canary
    assert report is not None
    canaries = sum(is_canarys("policy", str(UUID(int=number)), 25) for number in range(1_200, 2_400, 2))
    assert report.decisions == {"stable": 600 - canaries, "canary": canaries}
    assert report.rewards.candidate_of == canaries
    assert report.others == {"stable": 0, "canary": 0}
    assert report.sample_ratio is not None
    assert report.sample_ratio > 0.001
    assert isinstance(planned, move), planned


async def test_a_replica_that_did_not_hear_of_the_canary_is_in_no_comparison(world: World) -> None:
    world.tell("DECISIONS", [decided(number) for number in range(1_200, 2_400, 4)])
    canary = rollout_of(POLICY, "uniform@1", GREEDY.id, ("shadow", 0), ("canary", 25))
    evidence, _ = await judged(world, canary, GREEDY, at(2_400))
    assert evidence.canary is not None
    assert evidence.canary.others["canary"] == evidence.canary.decisions["canary"] > 0
    assert evidence.canary.errors.candidate_of == 0


def written(  # noqa: PLR0913  # each is a fact of the tip, given by name
    number: int,
    role: ServingRole = ServingRole.STABLE,
    *,
    version: str | None = None,
    degraded: tuple[str, ...] = (),
    cached: bool = False,
    milliseconds: float = 100.0,
) -> Envelope:
    version = version or ("v2" if role is ServingRole.SHADOW else "v1")
    decision = str(UUID(int=number))
    told = GenerateDecided(
        decision_id=decision,
        serving_role=role,
        prompt_version=version,
        prompt_hash=HASH[version],
        tip_id=f"tip-{decision}",
        title="Walk",
        body="Once around the block.",
        model=None if degraded else ModelUsed(name="canned"),
        cached=cached,
        degraded=degraded,
        latency=timedelta(milliseconds=milliseconds),
    )
    return envelope(
        "generate_decided",
        event_id=f"{role.value}-{number}",
        occurred_at=at(number),
        tenant_id="digits",
        user_id=f"u{number % 50}",
        generate_decided=told,
    )


def seen(tip: Envelope, *, clicked: bool) -> list[Envelope]:
    assert tip.generate_decided is not None
    named = {"decision_id": tip.generate_decided.decision_id, "tip_id": tip.generate_decided.tip_id}
    kind = ReactionKind.CLICKED if clicked else ReactionKind.DISMISSED
    events = {"tip_exposed": TipExposed(**named), "tip_reacted": TipReacted(**named, kind=kind)}
    return [
        tip.model_copy(update={"event_id": f"{tip.event_id}-{name}", "generate_decided": None, name: event})
        for name, event in events.items()
    ]


async def judged_prompt(world: World, rollout: Rollout, now: datetime) -> tuple[Evidence, Move]:
    evidence = await source(world, lambda version: of_prompt("digits", version)).collect(rollout, now)
    return evidence, plan(rollout, evidence, ASKED, now)


MIRRORED = rollout_of(PROMPT, "v1", "v2", ("shadow", 0))


def tell_mirrored(world: World, **shadow: object) -> None:
    told = []
    for number in range(0, 1_200, 6):
        told += [written(number), written(number, ServingRole.SHADOW, **shadow)]  # type: ignore[arg-type]  # by name
    world.tell("DECISIONS", told)


async def test_a_prompt_is_judged_by_the_second_tips_that_nobody_saw(world: World) -> None:
    tell_mirrored(world)
    evidence, move = await judged_prompt(world, MIRRORED, at(1_200))
    assert evidence.shadow is not None
    pairs = evidence.shadow.all
    assert (pairs.coverage.expected, pairs.coverage.paired, pairs.errors.candidate) == (200, 200, 0)
    assert evidence.shadow.digests == {HASH["v2"]: 200}
    assert isinstance(move, Advance), move


@pytest.mark.parametrize(
    ("shadow", "kind", "words"),
    [
        ({"degraded": ("guardrail:echo",)}, RollBack, "are degraded"),
        ({"milliseconds": 400.0}, RollBack, "median latency"),
        ({"degraded": ("daily_budget",)}, Hold, "OO_SHADOW_PROMPT_DAILY_USD"),
    ],
)
async def test_templates_and_slowness_count_against_a_prompt_and_a_spent_budget_does_not(
    world: World, shadow: dict[str, object], kind: type[Move], words: str
) -> None:
    tell_mirrored(world, **shadow)
    _, move = await judged_prompt(world, MIRRORED, at(1_200))
    assert isinstance(move, kind), move
    assert words in " ".join(move.reasons)


async def test_a_prompts_canary_is_told_apart_by_its_version_and_earns_by_it(world: World) -> None:
    tell_mirrored(world)
    tips, feedback = [], []
    for number in range(1_200, 2_400, 2):
        canary = is_canarys("prompt", str(UUID(int=number)), 25)
        # Most of stable's come out of the cache at once, which is no merit of the prompt.
        cached = not canary and number % 3 > 0
        tip = written(number, version="v2" if canary else "v1", cached=cached, milliseconds=2.0 if cached else 100.0)
        tips.append(tip)
        feedback += seen(tip, clicked=number % 4 == 0)
    tell(world, tips, feedback, first=1_000)
    rollout = rollout_of(PROMPT, "v1", "v2", ("shadow", 0), ("canary", 25))
    evidence, move = await judged_prompt(world, rollout, at(2_400) + LATER)
    report = evidence.canary
    assert report is not None
    assert report.decisions["canary"] == report.errors.candidate_of == report.rewards.candidate_of
    assert report.errors.stable_of < report.decisions["stable"] / 2
    assert report.rewards.stable_of == report.decisions["stable"]
    assert report.p50.ratio.high < 1.1
    assert report.digests == {HASH["v2"]: report.decisions["canary"]}
    assert isinstance(move, Advance), move
    assert move.stage == "champion"


async def test_a_version_that_is_gone_is_named(world: World) -> None:
    gone = rollout_of(POLICY, "uniform@1", "uniform@9", ("shadow", 0))
    evidence, move = await judged(world, gone, GREEDY, at(1_200))
    assert (evidence.artefact, evidence.shadow) == (None, None)
    assert isinstance(move, Hold)
    assert "policy digits declares no uniform@9." in move.reasons


def test_a_card_counts_when_people_have_written_it_and_its_facts_are_of_today(tmp_path: Path) -> None:
    shelf, facts = Shelf(tmp_path), policy_facts(EpsilonGreedy, CATALOG)
    assert "nobody has written" in card_condition(shelf, "policy-epsilon_greedy", facts).sentence
    text = "".join(f"## {section}\n\nSaid.\n\n" for section in ("Owners", "Intended use", "Limits"))
    shelf.path("policy-epsilon_greedy").write_text(f"# Card\n\n{text}")
    shelf.renew("policy-epsilon_greedy", facts)
    assert card_condition(shelf, "policy-epsilon_greedy", facts).met
    told = CATALOG.model_dump()
    told["tenants"][0]["candidates"] = [GREEDY.model_dump()]
    declared = policy_facts(EpsilonGreedy, Catalog.model_validate(told))
    assert "not those of today" in card_condition(shelf, "policy-epsilon_greedy", declared).sentence
