"""What one call of a language model may take. The caps are ours and hold whatever a provider or library does."""

import asyncio
from dataclasses import dataclass, replace
from math import inf

from oo.errors import AnswerLost, CallTooDear, CompletionTooLong, GatewayFailed, GatewayTimedOut, PromptTooLong
from oo.llm.daily_budget import DailyBudget
from oo.llm.gateway import Completion, CompletionRequest, Gateway, Quote
from oo.telemetry import LLM_COST, LLM_SECONDS, LLM_TOKENS

SENSIBLE_TOKENS = 64
"""An answer of fewer is no tip: the JSON object around a short title and body takes about that many."""
_A_HAIR_LESS = 1 - 1e-9


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that one call may take."""

    seconds: float
    """Wall time, stand-ins included."""
    prompt_tokens: int
    completion_tokens: int
    """A request may ask for fewer."""
    cost_usd: float


@dataclass(frozen=True, slots=True)
class CappedGateway:
    """A gateway that is never asked for more than the caps, nor for more than an account has left of its day."""

    gateway: Gateway
    caps: Caps
    budget: DailyBudget

    async def complete(self, request: CompletionRequest, *, account: str, seconds: float) -> Completion:
        """The answer to a request, with `max_tokens` lowered to what the caps allow.

        What the call took is charged to the account, and all that was quoted when that is not known and the model
        may have begun to answer.

        Args:
            request: what is asked.
            account: whose daily budget pays.
            seconds: what is left for it; the cap holds beside.

        Raises:
            PromptTooLong: the prompt is over its cap.
            CallTooDear: the money for one call has no room for a sensible answer, or the answer cost more.
            DailyBudgetSpent: the account has not enough left of its day.
            BudgetUnknown: nobody could tell what the account has left.
            GatewayTimedOut: there was no answer in time.
            CompletionTooLong: the answer is over its cap.
            GatewayFailed: there was no answer.
        """
        limit = min(seconds, self.caps.seconds)
        if limit <= 0:
            raise GatewayTimedOut("no time was left for the language model")
        try:
            async with asyncio.timeout(limit) as clock:
                return await self._complete(request, account, clock)
        except TimeoutError as error:
            raise GatewayTimedOut(f"the language model took over {limit:g} s") from error

    async def _complete(self, request: CompletionRequest, account: str, clock: asyncio.Timeout) -> Completion:
        fitted, quote = self._fit(request)
        reservation = await self.budget.reserve(account, quote.cost_usd)
        charge = quote.cost_usd  # unless it becomes known that it was less: whoever is cut off may be billed
        try:
            with LLM_SECONDS.time():
                completion = await self.gateway.complete(fitted, timeout=_left(clock))
            if 0 <= completion.cost_usd < inf:
                charge = completion.cost_usd
        except (AnswerLost, CompletionTooLong, GatewayTimedOut):
            raise
        except GatewayFailed:
            charge = 0
            raise
        finally:
            reservation.settle(charge)
            LLM_COST.labels(account).inc(charge)
        LLM_TOKENS.labels("prompt").inc(completion.prompt_tokens)
        LLM_TOKENS.labels("completion").inc(completion.completion_tokens)
        self._check(completion)
        return completion

    def _fit(self, request: CompletionRequest) -> tuple[CompletionRequest, Quote]:
        """The request with as long an answer as the caps allow."""
        caps = self.caps
        fitted, quote = self._quote(request, min(request.max_tokens, caps.completion_tokens))
        if quote.prompt_tokens > caps.prompt_tokens:
            raise _prompt_too_long(quote.prompt_tokens, caps)
        if quote.cost_usd <= caps.cost_usd:
            return fitted, quote
        _, prompt = self._quote(request, 0)
        # A price is a straight line over the length of the answer. A hair less, since sums of floats are not exact.
        slope = (quote.cost_usd - prompt.cost_usd) / fitted.max_tokens
        affordable = int((caps.cost_usd - prompt.cost_usd) / slope * _A_HAIR_LESS) if slope > 0 else 0
        if affordable < min(SENSIBLE_TOKENS, fitted.max_tokens):
            raise _too_dear(quote.cost_usd, caps)
        return self._quote(request, affordable)

    def _quote(self, request: CompletionRequest, max_tokens: int) -> tuple[CompletionRequest, Quote]:
        shortened = replace(request, max_tokens=max_tokens)
        return shortened, self.gateway.quote(shortened)

    def _check(self, completion: Completion) -> None:
        caps = self.caps
        if completion.prompt_tokens > caps.prompt_tokens:
            raise _prompt_too_long(completion.prompt_tokens, caps)
        if completion.completion_tokens > caps.completion_tokens:
            raise CompletionTooLong(
                f"the answer has {completion.completion_tokens} tokens, over the cap of {caps.completion_tokens}"
            )
        if not completion.cost_usd <= caps.cost_usd:  # what is no number is over it too
            raise _too_dear(completion.cost_usd, caps)


def _left(clock: asyncio.Timeout) -> float:
    """Seconds until it rings."""
    rings = clock.when()
    return max((rings or 0) - asyncio.get_running_loop().time(), 0)


def _prompt_too_long(tokens: int, caps: Caps) -> PromptTooLong:
    return PromptTooLong(f"the prompt has {tokens} tokens, over the cap of {caps.prompt_tokens}; shorten the prompt")


def _too_dear(cost_usd: float, caps: Caps) -> CallTooDear:
    return CallTooDear(
        f"the call costs {cost_usd:g} US dollars, over the cap of {caps.cost_usd:g};"
        " shorten the prompt, or raise the cap of a call"
    )
