"""One version of a prompt, as its file declares it."""

from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

LANGUAGE_NAMES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish"}
"""The languages that tips may be written in, as a prompt calls them: those that the guardrails read."""
SAFETY_CLASSES = ("safe", "sensitive", "unsafe")
"""What a model may say of its own tip; only the first is shown."""


def _is_spoken(language: str) -> str:
    if language not in LANGUAGE_NAMES:
        raise ValueError(f"{language!r} is none of {', '.join(LANGUAGE_NAMES)}")
    return language


Language = Annotated[str, AfterValidator(_is_spoken)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Parameters(_Part):
    """How the language model is asked."""

    max_tokens: int = Field(gt=0)
    temperature: float = Field(ge=0, le=2)


class Text(_Part):
    """One text of the answer."""

    max_length: int = Field(gt=0)


class Output(_Part):
    """The answer's schema: a JSON object with title, body, language, topic and safety class."""

    title: Text
    body: Text
    topics: tuple[Name, ...] = Field(min_length=1)
    """What a tip may be about; the answer says which one."""

    def answer_schema(self, language: str) -> dict[str, JsonValue]:
        """The JSON Schema of an answer in this language."""
        properties: dict[str, JsonValue] = {
            "title": {"type": "string", "minLength": 1, "maxLength": self.title.max_length},
            "body": {"type": "string", "minLength": 1, "maxLength": self.body.max_length},
            "language": {"type": "string", "enum": [language]},
            "topic": {"type": "string", "enum": list(self.topics)},
            "safety": {"type": "string", "enum": list(SAFETY_CLASSES)},
        }
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }


class TemplateTip(_Part):
    """The tip that a person sees when the language model gives none that may be shown."""

    title: str = Field(min_length=1)
    body: str = Field(min_length=1)
    topic: Name


class Fixture(_Part):
    """A person to try the prompt on."""

    name: str = Field(min_length=1)
    language: Language
    values: dict[str, JsonValue]
    """A value for each declared variable."""


class PromptFile(_Part):
    """One version of a prompt, as its file declares it."""

    name: Name
    version: str = Field(pattern=r"^v[0-9]+$")
    owner: str = Field(min_length=1)
    released_on: date
    parameters: Parameters
    variables: tuple[str, ...]
    output: Output
    template: dict[Language, TemplateTip] = Field(min_length=1)
    """The template tip of each language that the prompt writes in; the first is for people of any other."""
    system: str = Field(min_length=1)
    user: str = Field(min_length=1)
    fixtures: tuple[Fixture, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _template_fits(self) -> Self:
        for language, tip in self.template.items():
            if len(tip.title) > self.output.title.max_length or len(tip.body) > self.output.body.max_length:
                raise ValueError(f"the template tip in {language!r} is longer than the output schema allows")
            if tip.topic not in self.output.topics:
                raise ValueError(f"the template tip in {language!r} is about {tip.topic!r}, which is no topic")
        if strange := {fixture.language for fixture in self.fixtures} - self.template.keys():
            raise ValueError(f"a fixture is in {', '.join(sorted(strange))}, in which there is no template tip")
        return self


class Retirement(_Part):
    """Why a released version is used no more."""

    retired_on: date
    why: str = Field(min_length=1)
