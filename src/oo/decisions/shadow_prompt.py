"""A second tip with another prompt: recorded beside the first and shown to nobody."""

import time
from dataclasses import dataclass, replace
from datetime import timedelta

from oo.decisions.prompt_choice import PromptChoice
from oo.decisions.recording import Recorder
from oo.decisions.tip_record import Asked, record_of
from oo.events.decision import GenerateDecided, ServingRole
from oo.experiments.chance import chance
from oo.prompts.library import Prompt
from oo.telemetry import SHADOW_PROMPTS
from oo.writing.order import Order
from oo.writing.writer import Writer


@dataclass(frozen=True, slots=True)
class ShadowPrompt:
    """Writes with a prompt that is on trial, out of a budget of its own."""

    prompts: PromptChoice
    """Knows which prompt a rollout mirrors the requests of a tenant to."""
    prompt: Prompt | None
    """What is tried besides, wherever there is no rollout."""
    share: float
    """Of the decisions that this one gets, 0 to 1."""
    writer: Writer
    seconds: float
    """Within which the tip must be written."""
    recorder: Recorder[GenerateDecided]

    def prompt_for(self, asked: Asked, order: Order, *, cached: bool) -> Prompt | None:
        """The prompt of the decision's second tip, None when it gets none: the same answer for the same decision."""
        # A tip that was kept says nothing of the prompt beside it, so a rollout pays for no second one.
        mirrored = None if cached else self.prompts.on_trial(asked.tenant_id, order.prompt)
        if mirrored is not None or self.prompt is None or self.prompt.version == order.prompt.version:
            return mirrored
        return self.prompt if chance("shadow_prompt", str(asked.identity)) < self.share else None

    async def write(self, asked: Asked, order: Order, prompt: Prompt) -> None:
        """Write and record the second tip; the record has the decision's own id, below `decisions.shadow.>`."""
        started = time.monotonic()
        shadow = replace(order, prompt=prompt, language=prompt.language_for(order.language), count=1)
        written = await self.writer.write(shadow, account=f"{asked.tenant_id}/shadow", until=started + self.seconds)
        latency = timedelta(seconds=time.monotonic() - started)
        decided = record_of(asked, shadow, written, role=ServingRole.SHADOW, latency=latency)
        _, missing = await self.recorder.record(decided, tenant_id=asked.tenant_id, user_id=asked.user_id, at=asked.at)
        SHADOW_PROMPTS.labels(prompt.version, "unlogged" if "decision_log" in missing else "logged").inc()
