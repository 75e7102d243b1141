"""A second tip with another prompt, for a share of the requests: recorded beside the first and shown to nobody."""

import time
from dataclasses import dataclass, replace
from datetime import timedelta

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

    prompt: Prompt
    share: float
    """Of the decisions, 0 to 1."""
    writer: Writer
    seconds: float
    """Within which the tip must be written."""
    recorder: Recorder[GenerateDecided]

    def samples(self, asked: Asked, order: Order) -> bool:
        """Whether this decision gets a second tip: the same answer for the same decision."""
        tried_anyway = order.prompt.version == self.prompt.version
        return not tried_anyway and chance("shadow_prompt", str(asked.identity)) < self.share

    async def write(self, asked: Asked, order: Order) -> None:
        """Write and record the second tip; the record has the decision's own id, below `decisions.shadow.>`."""
        started = time.monotonic()
        shadow = replace(order, prompt=self.prompt, language=self.prompt.language_for(order.language), count=1)
        written = await self.writer.write(shadow, account=f"{asked.tenant_id}/shadow", until=started + self.seconds)
        latency = timedelta(seconds=time.monotonic() - started)
        decided = record_of(asked, shadow, written, role=ServingRole.SHADOW, latency=latency)
        _, missing = await self.recorder.record(decided, tenant_id=asked.tenant_id, user_id=asked.user_id, at=asked.at)
        SHADOW_PROMPTS.labels(self.prompt.version, "unlogged" if "decision_log" in missing else "logged").inc()
