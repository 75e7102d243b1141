"""One envelope of every event type, with every field set."""

from datetime import UTC, datetime, timedelta
from typing import Any

from oo.events.decision import (
    Candidate,
    ExperimentArm,
    GenerateDecided,
    ModelUsed,
    RankedArm,
    ScoreDecided,
    ServingRole,
    Versioned,
    WrittenTip,
)
from oo.events.envelope import Envelope, Event, EventType
from oo.events.feedback import ReactionKind, TipExposed, TipReacted
from oo.events.integration import CalendarDaySummarized, SleepRecorded
from oo.events.signals import ActivityCompleted, SessionStarted

DECISION_ID = "0197f3c4-9d20-7c55-8a57-0d6a3f1b2c3d"

EVENTS: dict[EventType, Event] = {
    "session_started": SessionStarted(surface="ios"),
    "activity_completed": ActivityCompleted(activity="walk", duration=timedelta(minutes=31, milliseconds=250)),
    "calendar_day_summarized": CalendarDaySummarized(busy=timedelta(hours=5, minutes=30), meetings=6),
    "sleep_recorded": SleepRecorded(asleep=timedelta(hours=7, microseconds=1)),
    "tip_exposed": TipExposed(decision_id=DECISION_ID, tip_id="breathe"),
    "tip_reacted": TipReacted(decision_id=DECISION_ID, tip_id="breathe", kind=ReactionKind.COMPLETED),
    "score_decided": ScoreDecided(
        decision_id=DECISION_ID,
        serving_role=ServingRole.STABLE,
        candidates=(
            Candidate(tip_id="breathe", features={"minutes": 3, "topic": "calm"}, prompt_version="v2"),
            Candidate(tip_id="walk"),
        ),
        profile_features={"age_band": "30-39", "premium": True, "height": None},
        context={"hour": 7.5, "screen": {"dark": False}, "recent": ["walk", 2]},
        signal_features={"sessions_7d": 4},
        signal_sequence=2**53 + 1,
        ranking=(RankedArm(tip_id="walk", score=0.25, probability=0.05), RankedArm(tip_id="breathe", probability=0.95)),
        tip_id="breathe",
        propensity=0.95,
        policy=Versioned(name="epsilon_greedy", version="1"),
        policy_state={"breathe": {"exposures": 10, "reward_sum": 4}},
        model=ModelUsed(name="tips", version="3", digest="ab" * 32),
        feature_service="tips@1",
        experiment=ExperimentArm(name="first", variant="greedy"),
        degraded=("no_signal_features",),
        latency=timedelta(microseconds=870),
    ),
    "generate_decided": GenerateDecided(
        decision_id=DECISION_ID,
        serving_role=ServingRole.CANARY,
        profile_features={"goal": "sleep"},
        signal_features={"sleep_hours_last": 6.5},
        prompt_version="v1",
        prompt_hash="cd" * 32,
        tip_id="generated-1",
        title="Früh ins Bett",
        body="Put the phone away at ten.",
        model=ModelUsed(name="a-language-model"),
        prompt_tokens=412,
        completion_tokens=38,
        cost_usd=0.00021,
        degraded=("template",),
        latency=timedelta(seconds=1, milliseconds=5),
        language="en",
        topic="rest",
        alternatives=(
            WrittenTip(tip_id="generated-2", title="Read a page", body="On paper.", language="en", topic="rest"),
            WrittenTip(tip_id="generated-3", title="Breathe", body="Slowly."),
        ),
        cached=True,
        repaired=True,
        refusals=("title_length",),
        withheld=("topic",),
        experiment=ExperimentArm(name="prompts", variant="short"),
    ),
}

NAMES: dict[EventType, str] = {event_type: event_type for event_type in EVENTS} | {
    "score_decided": "score_decided_with_written_tip",
    "generate_decided": "generate_decided_with_alternatives",
}
"""What the example of a type is called. No golden file is edited, so an example that tells more has another name."""


def envelope(event_type: EventType = "session_started", **changed: Any) -> Envelope:  # noqa: ANN401  # any field
    """The example of this type, with `changed` fields of the envelope."""
    fields = {
        "event_id": f"example-{NAMES[event_type]}",
        "schema_version": "v1",
        "producer": "tests",
        "occurred_at": datetime(2026, 11, 20, 7, 30, 15, 123456, tzinfo=UTC),
        "tenant_id": "tips",
        "user_id": "ada",
        event_type: EVENTS[event_type],
    }
    return Envelope.model_validate(fields | changed)


def shadowed(event_type: EventType) -> Envelope:
    """The example decision of this type as a shadow would have made it."""
    decided = EVENTS[event_type].model_copy(update={"serving_role": ServingRole.SHADOW})
    return envelope(event_type, **{event_type: decided})
