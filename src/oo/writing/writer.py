"""From an order to tips that a person may see: asked for, examined, asked for once more, or taken from the template."""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from oo.errors import (
    BudgetUnknown,
    CallTooDear,
    CompletionTooLong,
    DailyBudgetSpent,
    GatewayFailed,
    GatewayTimedOut,
    PromptRenderFailed,
    PromptTooLong,
)
from oo.llm.budget import CappedGateway
from oo.llm.gateway import Completion, CompletionRequest, Message
from oo.llm.guardrails import Draft, Examined, Fault, Guardrails
from oo.telemetry import REFUSALS, REPAIRS
from oo.writing.order import Order
from oo.writing.tip import NOTHING_USED, Tip, Usage, Written

_log = logging.getLogger(__name__)

_REASONS: dict[type[GatewayFailed], str] = {
    GatewayTimedOut: "timeout",
    PromptTooLong: "prompt_too_long",
    CompletionTooLong: "completion_too_long",
    CallTooDear: "call_budget",
    DailyBudgetSpent: "daily_budget",
    BudgetUnknown: "budget_unknown",
}


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes tips. Whatever the language model does, there is one, and it may be shown."""

    gateway: CappedGateway
    guardrails: Guardrails

    async def write(self, order: Order, *, account: str, until: float) -> Written:
        """The tips of an order.

        When no answer may be shown, the model is told what was wrong and asked once more, if there is time; then the
        prompt's template tip stands in.

        Args:
            order: what is to be written.
            account: whose budget pays.
            until: when the tips must be there, on the clock of `time.monotonic`.
        """
        try:
            answers = await self._ask([order.request(position) for position in range(order.count)], account, until)
        except PromptRenderFailed as error:
            _log.error("the template answers: %s", error)
            return from_template(order, "prompt")
        completions = [answer for answer in answers if isinstance(answer, Completion)]
        examined = [self.guardrails.examine(completion.text, order.brief) for completion in completions]
        passed = [i for i, each in enumerate(examined) if not each.faults]
        refusals = _refusals(order, examined)
        if passed:
            tips = _different(_tip(examined[i].draft) for i in passed)
            return Written(tips, completions[passed[0]].model, Usage.of(completions), refusals)
        if not completions:
            failure = next(answer for answer in answers if isinstance(answer, GatewayFailed))
            return from_template(order, _reason(failure))
        return await self._repair(order, completions, examined[0].faults, refusals, account, until)

    async def _repair(  # noqa: PLR0913, PLR0917  # what the first try left
        self,
        order: Order,
        completions: Sequence[Completion],
        faults: Sequence[Fault],
        refusals: tuple[Fault, ...],
        account: str,
        until: float,
    ) -> Written:
        (answer,) = await self._ask([order.request(order.count, _once_more(faults))], account, until)
        if isinstance(answer, GatewayFailed):
            REPAIRS.labels("no_answer").inc()
            return from_template(order, *_named(faults), usage=Usage.of(completions), refusals=refusals)
        usage = Usage.of([*completions, answer])
        examined = self.guardrails.examine(answer.text, order.brief)
        if examined.faults:
            REPAIRS.labels("refused").inc()
            refusals = tuple(dict.fromkeys(refusals + _refusals(order, [examined])))
            return from_template(order, *_named(examined.faults), usage=usage, refusals=refusals)
        REPAIRS.labels("shown").inc()
        return Written((_tip(examined.draft),), answer.model, usage, refusals, repaired=True)

    async def _ask(
        self, requests: Sequence[CompletionRequest], account: str, until: float
    ) -> list[Completion | GatewayFailed]:
        """The answers, all asked for at once."""

        async def ask(request: CompletionRequest) -> Completion | GatewayFailed:
            try:
                return await self.gateway.complete(request, account=account, seconds=until - time.monotonic())
            except GatewayFailed as error:
                _log.warning("no answer: %s", error)
                return error

        if len(requests) == 1:
            return [await ask(requests[0])]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask(request)) for request in requests]
        return [task.result() for task in tasks]


def from_template(
    order: Order,
    *reasons: str,
    usage: Usage = NOTHING_USED,
    refusals: tuple[Fault, ...] = (),
) -> Written:
    """The prompt's own tip, and why."""
    tip = order.prompt.template(order.language)
    shown = Tip(tip.title, tip.body, order.language, tip.topic)
    return Written((shown,), None, usage, refusals, degraded=reasons)


def _refusals(order: Order, examined: Iterable[Examined]) -> tuple[Fault, ...]:
    found = [fault for each in examined for fault in each.faults]
    for fault in found:
        REFUSALS.labels(order.prompt.version, fault).inc()
    return tuple(dict.fromkeys(found))


def _once_more(faults: Iterable[Fault]) -> Message:
    # Nothing of the refused answer: it may be what somebody else wanted it to be.
    wrong = ", ".join(fault.replace("_", " ") for fault in faults)
    return Message("user", f"Your answer was refused for: {wrong}. Write another one that keeps to everything above.")


def _tip(draft: Draft | None) -> Tip:
    assert draft is not None  # noqa: S101  # without a fault there is one
    return Tip(draft.title, draft.body, draft.language, draft.topic)


def _different(tips: Iterable[Tip]) -> tuple[Tip, ...]:
    """The tips without those whose title or body stood before."""
    seen: set[str] = set()
    different = []
    for tip in tips:
        texts = {" ".join(text.casefold().split()) for text in (tip.title, tip.body)}
        if not texts & seen:
            different.append(tip)
        seen |= texts
    return tuple(different)


def _named(faults: Iterable[Fault]) -> tuple[str, ...]:
    return tuple(f"guardrail:{fault}" for fault in faults)


def _reason(error: GatewayFailed) -> str:
    return _REASONS.get(type(error), "llm_failed")
