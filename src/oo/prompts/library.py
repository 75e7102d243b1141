"""The prompts of the generator: one immutable file a version, chosen by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from oo.errors import InvalidPrompt, PromptRenderFailed, UnknownPromptVersion
from oo.prompts.lock import check_lock, content_hash
from oo.prompts.template import Template, quoted

TIPS = Path(__file__).parent / "tips"
"""The released prompts that write tips."""


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
    """The answer's schema: a JSON object with these two texts."""

    title: Text
    body: Text


class FallbackTip(_Part):
    """The template tip that a person sees when the language model gives none."""

    title: str = Field(min_length=1)
    body: str = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the language model is sent."""

    system: str
    user: str


class PromptFile(_Part):
    """One version of a prompt, as its file declares it."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    version: str = Field(pattern=r"^v[0-9]+$")
    owner: str = Field(min_length=1)
    released_on: date
    parameters: Parameters
    variables: tuple[str, ...]
    output: Output
    fallback: FallbackTip
    system: str = Field(min_length=1)
    user: str = Field(min_length=1)

    @model_validator(mode="after")
    def _fallback_fits(self) -> Self:
        limits = self.output
        if len(self.fallback.title) > limits.title.max_length or len(self.fallback.body) > limits.body.max_length:
            raise ValueError("the fallback tip is longer than the output schema allows")
        return self


class Prompt:
    """One version of a prompt, ready to render."""

    def __init__(self, file: PromptFile, digest: str) -> None:
        self.version = file.version
        self.parameters = file.parameters
        self.output = file.output
        self.fallback = file.fallback
        self.hash = digest
        """SHA-256 of the file's bytes, in hex."""
        self._name = f"prompt {file.name} {file.version}"
        self._variables = frozenset(file.variables)
        limits = {"title_max_length": file.output.title.max_length, "body_max_length": file.output.body.max_length}
        try:
            # Rendered once, before any request: no value of a person can reach it.
            self._system = Template(file.system, frozenset(limits)).render(limits)
            self._user = Template(file.user, self._variables)
        except PromptRenderFailed as error:
            raise PromptRenderFailed(f"{self._name}: {error}") from error

    def render(self, values: Mapping[str, JsonValue]) -> Rendered:
        """The prompt with its variables filled in, each as marked data.

        Args:
            values: a value for each declared variable, None where it is not known. Others stay out of the prompt, so
                that a new variable of a new version leaves the old versions as they are.

        Raises:
            PromptRenderFailed: a declared variable has no value; names it.
        """
        texts = {name: quoted(name, value) for name, value in values.items()}
        try:
            return Rendered(self._system, self._user.render(texts))
        except PromptRenderFailed as error:
            raise PromptRenderFailed(f"{self._name}: {error}") from error


@dataclass(frozen=True)
class PromptLibrary:
    """The released versions of a prompt, by version."""

    prompts: Mapping[str, Prompt]

    @classmethod
    def load(cls, folder: Path = TIPS) -> Self:
        """The prompts in `folder`, each the bytes that were released.

        Raises:
            InvalidPrompt: a file contradicts itself or the lock; says which and why.
            PromptRenderFailed: a template reads what its file does not declare.
        """
        check_lock(folder)
        return cls({path.stem: _read(path) for path in folder.glob("*.yaml")})

    @cached_property
    def versions(self) -> tuple[str, ...]:
        """Every version, oldest first."""
        return tuple(sorted(self.prompts, key=lambda version: int(version[1:])))

    def resolve(self, requested: str | None, default: str) -> Prompt:
        """The requested version, or the default one when none was requested.

        Raises:
            UnknownPromptVersion: the library does not hold it; lists those that it holds.
        """
        version = default if requested is None else requested
        try:
            return self.prompts[version]
        except KeyError:
            known = ", ".join(self.versions)
            raise UnknownPromptVersion(f"prompt version {version!r} is not released; known: {known}") from None


def _read(path: Path) -> Prompt:
    try:
        file = PromptFile.model_validate(yaml.safe_load(path.read_bytes()))
    except yaml.YAMLError as error:
        raise InvalidPrompt(f"prompt file {path} is not YAML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise InvalidPrompt(f"prompt file {path}: {faults}") from error
    if file.version != path.stem:
        raise InvalidPrompt(f"prompt file {path} says that it is {file.version}; a file is named by its version")
    return Prompt(file, content_hash(path))
