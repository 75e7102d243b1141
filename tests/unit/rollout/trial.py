"""A model on trial: its decisions beside the champion's, told to real stores."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from oo.events.decision import Candidate, ModelUsed, RankedArm, ScoreDecided, ServingRole, Versioned
from oo.events.envelope import Envelope
from oo.registry.history import Subject
from oo.rollout.decided import Range
from tests.envelopes import envelope
from tests.training_data import START

MODEL = Subject(kind="model", name="digits")
SERVICES = ("digits@1",)
CHAMPION, CANDIDATE = "1", "2"
DIGEST = {"1": "aa" * 32, "2": "bb" * 32}
HOUR = Range(START, START + timedelta(hours=1))
SHADOW_HOUR = Range(START - timedelta(minutes=1), START + timedelta(hours=1, minutes=1))
SCORES = {"0": 0.1, "1": 0.2, "2": 0.7}


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def decided(  # noqa: PLR0913  # each is a fact of the decision, given by name
    number: int,
    role: ServingRole = ServingRole.STABLE,
    *,
    version: str | None = None,
    scores: Mapping[str, float | None] = SCORES,
    when: datetime | None = None,
    milliseconds: float = 1.0,
    degraded: Sequence[str] = (),
    tenant: str = "digits",
    digest: str | None = None,
    chosen: str | None = None,
) -> Envelope:
    """The decision of this number as a deployment of this role made it, with the version that it should serve."""
    version = version or (CHAMPION if role is ServingRole.STABLE else CANDIDATE)
    ranking = sorted(scores.items(), key=lambda arm: (-(arm[1] or 0.0), arm[0]))
    model = ModelUsed(name="digits", version=version, digest=digest or DIGEST[version])
    decision = ScoreDecided(
        decision_id=str(UUID(int=number)),
        serving_role=role,
        candidates=tuple(Candidate(tip_id=arm) for arm in scores),
        ranking=tuple(RankedArm(tip_id=arm, score=score, probability=1 / len(scores)) for arm, score in ranking),
        tip_id=chosen or ranking[0][0],
        propensity=1 / len(scores),
        policy=Versioned(name="uniform", version="1"),
        feature_service="digits@1",
        model=None if "model" in degraded else model,
        degraded=tuple(degraded),
        latency=timedelta(milliseconds=milliseconds),
    )
    return envelope(
        "score_decided",
        event_id=f"{role.value}-{tenant}-{number}",
        occurred_at=when or at(number % 3_600),
        tenant_id=tenant,
        user_id=f"u{number % 50}",
        score_decided=decision,
    )


def mirrored(numbers: Iterable[int], **shadow: object) -> list[Envelope]:
    """Stable decisions and the shadow's on the same requests, with what is special of the shadow's."""
    pairs = ((decided(n), decided(n, ServingRole.SHADOW, **shadow)) for n in numbers)  # type: ignore[arg-type]  # by name
    return [decision for pair in pairs for decision in pair]


def utc(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)
