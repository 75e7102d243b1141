"""How both services end a decision: recorded first, answered from what is on record, counted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar, cast
from uuid import UUID

from oo.decisions.decision_log import DecisionLog, same_question
from oo.decisions.identity import DecisionKind, event_id
from oo.errors import DecisionLogUnavailable
from oo.events.decision import GenerateDecided, ScoreDecided
from oo.events.envelope import SCHEMA_VERSION, Envelope
from oo.telemetry import DECISIONS, UNLOGGED

D = TypeVar("D", ScoreDecided, GenerateDecided)


@dataclass(frozen=True, slots=True)
class Recorder(Generic[D]):
    """Records the decisions of one service."""

    log: DecisionLog
    service: DecisionKind

    async def record(self, decided: D, *, tenant_id: str, user_id: str, at: datetime) -> tuple[D, tuple[str, ...]]:
        """Record a decision.

        Returns:
            What is on record, which is an earlier decision when this is a retry, and all that the answer was without:
            the decision's own `degraded`, and `decision_log` when nothing was recorded in time.

        Raises:
            DecisionConflict: the request id named another question before.
        """
        envelope = Envelope.model_construct(
            event_id=event_id(UUID(decided.decision_id), tenant_id, decided.serving_role, self.service),
            schema_version=SCHEMA_VERSION,
            producer=f"oo-{self.service}",
            occurred_at=at,
            tenant_id=tenant_id,
            user_id=user_id,
            score_decided=decided if isinstance(decided, ScoreDecided) else None,
            generate_decided=decided if isinstance(decided, GenerateDecided) else None,
        )
        degraded = decided.degraded
        try:
            first = await self.log.record(envelope)
        except DecisionLogUnavailable:
            UNLOGGED.labels(self.service).inc()
            degraded += ("decision_log",)
        else:
            if first is not None:
                decided = cast("D", same_question(first, envelope).event)
                degraded = decided.degraded
        DECISIONS.labels(self.service, ",".join(degraded)).inc()
        return decided, degraded
