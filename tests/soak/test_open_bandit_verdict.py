"""A real log that says too little: 10,000 choices with 46 clicks make a model, and the gates do not let it through."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path

from examples.open_bandit.rows import TENANT, LoggedChoice, choices
from oo import catalog as catalogs
from oo.events.decision import Candidate, RankedArm, ScoreDecided, ServingRole, Versioned
from oo.events.envelope import Envelope
from oo.events.feedback import ReactionKind
from oo.registry.memory_registry import MemoryRegistry
from oo.training import challenge
from oo.training.dataset import Dataset
from oo.training.prior import bootstrap
from oo.wiring.steps.assemble import assemble
from oo.wiring.steps.fit import fit
from tests.envelopes import envelope
from tests.training_data import START, World, exposure, reaction

CATALOG = Path(__file__).parents[2] / "examples" / "open_bandit" / "catalog.yaml"
SERVICE = "open_bandit@1"
APART = timedelta(minutes=1)
AT_ONCE = 2_500
RANKING = tuple(RankedArm(tip_id=f"item-{item:02d}", probability=1 / 34) for item in range(34))


def decision(number: int, choice: LoggedChoice) -> Envelope:
    """The logged choice as the decision of a scorer whose policy picks at random."""
    return envelope(
        "score_decided",
        event_id=f"decided-{number}",
        occurred_at=START + number * APART,
        tenant_id=TENANT,
        user_id=choice.user_id,
        score_decided=ScoreDecided(
            decision_id=choice.request_id,
            serving_role=ServingRole.STABLE,
            candidates=tuple(map(Candidate.model_validate, choice.candidates)),
            context=choice.context,
            ranking=RANKING,
            tip_id=choice.tip_id,
            propensity=choice.propensity,
            policy=Versioned(name="uniform", version="1"),
            feature_service=SERVICE,
        ),
    )


def feedback(decided: Sequence[Envelope], some: Sequence[LoggedChoice]) -> Iterator[Envelope]:
    for one, choice in zip(decided, some, strict=True):
        yield exposure(one)
        if choice.clicked:
            yield reaction(one, ReactionKind.CLICKED)


def test_so_few_clicks_are_inconclusive_and_the_model_is_refused(tmp_path: Path) -> None:
    world, log, rows, clicks = World.in_folder(tmp_path), choices(), 0, 0
    while some := list(islice(log, AT_ONCE)):
        decided = [decision(rows + place, choice) for place, choice in enumerate(some)]
        told = list(feedback(decided, some))
        world.tell("DECISIONS", decided, first=rows + 1)
        world.tell("FEEDBACK", told, first=rows + clicks + 1)
        rows, clicks = rows + len(some), clicks + len(told) - len(some)
    assert (rows, clicks) == (10_000, 46)

    settings, as_of = world.settings(catalog=(CATALOG,)), START + (rows + 120) * APART
    manifest = assemble(settings, SERVICE, as_of=as_of.isoformat(), dataset=tmp_path / "dataset")
    world.engine.dispose()
    assert (manifest.rows, manifest.excluded) == (10_000, {})
    dataset = Dataset.load(tmp_path / "dataset")
    assert dataset.rewards.sum() == clicks
    assert set(dataset.decisions["propensity"].to_pylist()) == {1 / 34}

    candidate = fit(settings, SERVICE, dataset=tmp_path / "dataset", seed=1, candidate=tmp_path / "candidate")
    registry, service = MemoryRegistry(), catalogs.load((CATALOG,)).service(SERVICE)
    bootstrap(registry, service)
    verdict = challenge.judge(registry, service, candidate, dataset)
    assert not verdict.passed
    refusals = {reason.name: reason.sentence for reason in verdict.reasons if not reason.passed}
    assert refusals["AUC"].endswith("that is inconclusive.")
    assert {reason.name for reason in verdict.reasons if reason.passed} >= {"parity", "sample size", "leakage"}
