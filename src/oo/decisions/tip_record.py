"""The record of written tips, for those that a person sees and for those that nobody does."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import JsonValue

from oo.events.decision import ExperimentArm, GenerateDecided, ModelUsed, ServingRole
from oo.events.decision import WrittenTip as RecordedTip
from oo.writing.order import Order
from oo.writing.tip import Written


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for a tip when, and what was known of them."""

    identity: UUID
    tenant_id: str
    user_id: str
    at: datetime
    profile: dict[str, JsonValue] | None
    signals: dict[str, JsonValue] | None


def record_of(  # noqa: PLR0913  # by name
    asked: Asked,
    order: Order,
    written: Written,
    *,
    role: ServingRole,
    latency: timedelta,
    degraded: tuple[str, ...] = (),
    experiment: ExperimentArm | None = None,
) -> GenerateDecided:
    """The decision; `degraded` is what was missing before the tips were written."""
    first, *others = (
        RecordedTip(
            # One tip is named by its decision alone, the others by their place too.
            tip_id=f"tip-{asked.identity}" if place == 0 else f"tip-{asked.identity}-{place + 1}",
            title=tip.title,
            body=tip.body,
            language=tip.language,
            topic=tip.topic,
        )
        for place, tip in enumerate(written.tips)
    )
    return GenerateDecided(
        decision_id=str(asked.identity),
        serving_role=role,
        profile_features=asked.profile,
        signal_features=asked.signals,
        prompt_version=order.prompt.version,
        prompt_hash=order.prompt.hash,
        tip_id=first.tip_id,
        title=first.title,
        body=first.body,
        language=first.language,
        topic=first.topic,
        alternatives=tuple(others),
        model=ModelUsed(name=written.model) if written.model else None,
        prompt_tokens=written.usage.prompt_tokens,
        completion_tokens=written.usage.completion_tokens,
        cost_usd=written.usage.cost_usd,
        cached=written.cached,
        repaired=written.repaired,
        refusals=written.refusals,
        withheld=order.context.withheld,
        experiment=experiment,
        degraded=degraded + written.degraded,
        latency=latency,
    )
