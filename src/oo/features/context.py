"""What a prompt is told of a person: put together in one place, from the caller's features and the folded ones."""

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
    locale: str | None
    """The person's language as a BCP 47 tag."""

    def variables(self) -> dict[str, JsonValue]:
        """The values of a prompt's variables, by name; None or empty where nothing is known."""
        return {
            "profile": dict(self.profile),
            "signals": dict(self.signals),
            "topic": self.topic,
            "locale": self.locale,
        }

    @property
    def words(self) -> str:
        """All text that the caller wrote."""
        return " ".join(value for value in (self.topic, *self.profile.values()) if isinstance(value, str))


def assemble(profile: Values, signals: Values, *, topic: str | None, locale: str | None) -> PromptContext:
    """The context of these facts: absent values left out, numbers with no more than two decimals."""
    return PromptContext(_sayable(profile), _sayable(signals), topic, locale)


def _sayable(values: Values) -> Values:
    return {name: _shortened(value) for name, value in values.items() if value is not None}


def _shortened(value: JsonValue) -> JsonValue:
    if not isinstance(value, float):
        return value
    return int(value) if value.is_integer() else round(value, 2)
