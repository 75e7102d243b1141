"""What is to be written, and for whom: everything that decides a tip's text but the language model itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Self

from oo.features.context import PromptContext, assemble
from oo.features.services import Values
from oo.llm.gateway import CompletionRequest, Message
from oo.llm.guardrails import Brief
from oo.prompts.library import Prompt, Rendered


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a person and what they want, before anything of it is withheld."""

    profile: Values = field(default_factory=dict)
    """The caller's features of the person."""
    signals: Values = field(default_factory=dict)
    """The folded ones."""
    topic: str | None = None
    """What the tip should be about."""
    recent_tips: tuple[str, ...] = ()
    """The titles of tips that the person saw lately."""


@dataclass(frozen=True)
class Order:
    """An order of `count` different tips for one person."""

    prompt: Prompt
    context: PromptContext
    language: str
    """As the prompt's `language_for` gave it."""
    user_id: str
    """Must not stand in a tip."""
    count: int
    seed: int
    """For the first tip; the next ones have the numbers after it."""

    @classmethod
    def of(  # noqa: PLR0913  # by name, what a caller asks for
        cls,
        prompt: Prompt,
        facts: Facts,
        *,
        withholds: Callable[[str], bool],
        locale: str | None,
        user_id: str,
        count: int = 1,
        seed: int,
    ) -> Self:
        """The order of somebody with these facts, in the nearest language that the prompt writes.

        A text that reads like an instruction is told to no language model; `context.withheld` names it.
        """
        context = assemble(
            facts.profile, facts.signals, topic=facts.topic, recent_tips=facts.recent_tips, withholds=withholds
        )
        return cls(prompt, context, prompt.language_for(locale), user_id, count, seed)

    @cached_property
    def rendered(self) -> Rendered:
        """What the language model is told.

        Raises:
            PromptRenderFailed: the prompt does not fit the context.
        """
        return self.prompt.render(self.context.variables(self.prompt.variables), self.language)

    @property
    def state(self) -> str:
        """A digest of all that the language model is told: with the same, the same tips may be shown again."""
        rendered = self.rendered
        return sha256(f"{self.prompt.hash}\0{rendered.system}\0{rendered.user}".encode()).hexdigest()

    @cached_property
    def brief(self) -> Brief:
        """What an answer is held against."""
        output = self.prompt.output
        return Brief(
            title_length=output.title.max_length,
            body_length=output.body.max_length,
            language=self.language,
            topics=output.topics,
            words=self.context.words,
            identifiers=(self.user_id,),
        )

    def request(self, position: int, *more: Message) -> CompletionRequest:
        """What is asked of a language model for the tip at this position; `more` follows the prompt."""
        parameters = self.prompt.parameters
        return CompletionRequest(
            messages=(Message("system", self.rendered.system), Message("user", self.rendered.user), *more),
            schema=self.prompt.output.answer_schema(self.language),
            max_tokens=parameters.max_tokens,
            temperature=parameters.temperature,
            seed=self.seed + position,
        )
