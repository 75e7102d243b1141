"""Decisions, exposures and reactions, told in minutes after START."""

from datetime import UTC, datetime, timedelta

from oo.events.decision import GenerateDecided, RankedArm, ScoreDecided, Versioned
from oo.events.envelope import Envelope
from oo.events.feedback import ReactionKind, TipExposed, TipReacted
from tests.envelopes import EVENTS, envelope

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=60)


def window_of(_tenant_id: str) -> timedelta:
    return WINDOW


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def scored(
    decision_id: str = "d1", tip_id: str = "walk", minutes: float = 0, tenant: str = "t1", **changed: object
) -> Envelope:
    """A full answer of epsilon_greedy@1, with `changed` fields of the decision."""
    fields = {
        "decision_id": decision_id,
        "tip_id": tip_id,
        "ranking": (RankedArm(tip_id=tip_id, probability=1),),
        "propensity": 1.0,
        "policy": Versioned(name="epsilon_greedy", version="1"),
        "degraded": (),
        **changed,
    }
    decision = EVENTS["score_decided"].model_copy(update=fields)
    assert isinstance(decision, ScoreDecided)
    return envelope(
        "score_decided",
        event_id=f"{tenant}-{decision_id}-{minutes}",
        occurred_at=at(minutes),
        tenant_id=tenant,
        score_decided=decision,
    )


def generated(decision_id: str = "d1", tip_id: str = "generated-1", **changed: object) -> Envelope:
    """A tip that a language model wrote, with `changed` fields of the decision."""
    fields = {"decision_id": decision_id, "tip_id": tip_id, "degraded": (), **changed}
    decision = EVENTS["generate_decided"].model_copy(update=fields)
    assert isinstance(decision, GenerateDecided)
    return envelope(
        "generate_decided", event_id=decision_id, occurred_at=START, tenant_id="t1", generate_decided=decision
    )


def exposed(decision_id: str = "d1", tip_id: str = "walk", minutes: float = 1, tenant: str = "t1") -> Envelope:
    return envelope(
        "tip_exposed",
        event_id=f"{tenant}-{decision_id}-{tip_id}-exposed-{minutes}",
        occurred_at=at(minutes),
        tenant_id=tenant,
        tip_exposed=TipExposed(decision_id=decision_id, tip_id=tip_id),
    )


def reacted(
    kind: ReactionKind, decision_id: str = "d1", tip_id: str = "walk", minutes: float = 2, tenant: str = "t1"
) -> Envelope:
    return envelope(
        "tip_reacted",
        event_id=f"{tenant}-{decision_id}-{tip_id}-{kind}-{minutes}",
        occurred_at=at(minutes),
        tenant_id=tenant,
        tip_reacted=TipReacted(decision_id=decision_id, tip_id=tip_id, kind=kind),
    )
