"""What a prompt is told of a person: put together in one place, from the caller's features and the folded ones."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from oo.features.services import Values


@dataclass(frozen=True, slots=True)
class PromptContext:
    """The facts behind one tip. All of it was written by others and is quoted as data, never as instruction."""

    profile: Values
    """The caller's features of the person."""
    signals: Values
    """The folded features from the online store."""
    topic: str | None
    """What the caller wants a tip about."""
    recent_tips: tuple[str, ...]
    """The titles of tips that the person saw lately."""
    withheld: tuple[str, ...]
    """What the caller wrote that is not told, since it reads like an instruction; by name, such as `profile.goal`."""

    def variables(self, names: Collection[str]) -> dict[str, JsonValue]:
        """The values of a prompt's variables among `names`; None or empty where nothing is known."""
        known: dict[str, JsonValue] = {
            "profile": dict(self.profile),
            "signals": dict(self.signals),
            "topic": self.topic,
            "recent_tips": list(self.recent_tips),
        }
        return {name: value for name, value in known.items() if name in names}

    @property
    def words(self) -> tuple[str, ...]:
        """Every text that the caller wrote."""
        profile = (value for value in self.profile.values() if isinstance(value, str))
        return (*profile, *self.recent_tips, *([self.topic] if self.topic else []))


def assemble(
    profile: Values,
    signals: Values,
    *,
    topic: str | None = None,
    recent_tips: Sequence[str] = (),
    withholds: Callable[[str], bool] = lambda _: False,
) -> PromptContext:
    """The context of these facts: absent values left out, numbers with no more than two decimals.

    Args:
        profile: the caller's features of the person.
        signals: the folded ones.
        topic: what the caller wants a tip about.
        recent_tips: the titles of tips that the person saw lately.
        withholds: whether a text is not to be told. Texts come from the caller alone: the folds give numbers.
    """
    withheld: dict[str, None] = {}

    def told(name: str, text: str) -> bool:
        if withholds(text):
            withheld[name] = None
            return False
        return True

    def tellable(values: Values) -> Iterator[tuple[str, JsonValue]]:
        for name, value in values.items():
            if value is not None and (not isinstance(value, str) or told(f"profile.{name}", value)):
                yield name, _shortened(value)

    return PromptContext(
        dict(tellable(profile)),
        dict(tellable(signals)),
        topic if topic and told("topic", topic) else None,
        tuple(tip for tip in recent_tips if told("recent_tips", tip)),
        tuple(withheld),
    )


def _shortened(value: JsonValue) -> JsonValue:
    if not isinstance(value, float):
        return value
    return int(value) if value.is_integer() else round(value, 2)
