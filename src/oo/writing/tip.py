"""A written tip, and what writing it took."""

from collections.abc import Iterable
from dataclasses import dataclass

from oo.llm.gateway import Completion
from oo.llm.guardrails import Fault


@dataclass(frozen=True, slots=True)
class Tip:
    """A tip as a person may see it."""

    title: str
    body: str
    language: str
    topic: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What language models took, also for answers that were refused; zeros when none answered."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    """None when no model answered."""

    @classmethod
    def of(cls, completions: Iterable[Completion]) -> "Usage":
        """The sum over these."""
        completions = tuple(completions)
        return cls(
            sum(completion.prompt_tokens for completion in completions),
            sum(completion.completion_tokens for completion in completions),
            sum(completion.cost_usd for completion in completions) if completions else None,
        )


NOTHING_USED = Usage()


@dataclass(frozen=True, slots=True)
class Written:
    """At least one tip, whoever wrote it."""

    tips: tuple[Tip, ...]
    """Different ones, in the order in which they were asked for."""
    model: str | None
    """The language model that wrote the first; None when the prompt's template did."""
    usage: Usage = NOTHING_USED
    refusals: tuple[Fault, ...] = ()
    """What was wrong with the answers that were not used."""
    repaired: bool = False
    """Whether the first answer was refused and the second one is the tip."""
    cached: bool = False
    """Whether the tips were written for an earlier request."""
    degraded: tuple[str, ...] = ()
    """Why the template wrote it."""
