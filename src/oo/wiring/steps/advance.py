import asyncio

from oo.rollout.conductor import Outcome
from oo.rollout.traffic import Actuator
from oo.settings import PipelineSettings
from oo.wiring.rollout import conducting


def advance(settings: PipelineSettings, model: str, actuator: Actuator, *, who: str) -> Outcome:
    """One step of a model's rollout: what the evidence carries, which may be nothing or the way back."""

    async def once() -> Outcome:
        async with conducting(settings, model, actuator) as conductor:
            return await conductor.advance(who=who)

    return asyncio.run(once())
