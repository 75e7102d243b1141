"""The prompts of the generator: one immutable file a version, chosen by name."""

from collections.abc import Iterator, KeysView, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self, TypeVar

import yaml
from pydantic import BaseModel, JsonValue, RootModel, ValidationError

from oo.errors import InvalidPrompt, PromptRenderFailed, RetiredPromptVersion, UnknownPromptVersion, faults
from oo.prompts.lock import check_lock, content_hash, prompt_files
from oo.prompts.prompt_file import LANGUAGE_NAMES, Output, PromptFile, Retirement, TemplateTip
from oo.prompts.template import Template, quoted

TIPS = Path(__file__).parent / "tips"
"""The released prompts that write tips."""
RETIRED = "retired.yaml"
"""Beside them: which of them are used no more. Their files stay, since decisions were made with them."""
_SYSTEM_VARIABLES = frozenset({"language", "language_code", "title_max_length", "body_max_length", "topics"})

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the language model is sent."""

    system: str
    user: str


class Prompt:
    """One version of a prompt, ready to render."""

    def __init__(self, file: PromptFile, digest: str) -> None:
        self.file = file
        self.version = file.version
        self.parameters = file.parameters
        self.output = file.output
        self.variables = frozenset(file.variables)
        """What `render` wants a value for."""
        self.hash = digest
        """SHA-256 of the file's bytes, in hex."""
        self._name = f"prompt {file.name} {file.version}"
        with self._named():
            # Rendered before any request and out of our own words alone: no value of a person can reach it.
            system = Template(file.system, _SYSTEM_VARIABLES)
            self._system = {language: system.render(_own_words(file.output, language)) for language in file.template}
            self._user = Template(file.user, self.variables)
        for fixture in file.fixtures:
            self.render(fixture.values, fixture.language)

    def language_for(self, locale: str | None) -> str:
        """The language that a tip for this BCP 47 tag is written in: its own, or else the prompt's first."""
        wanted = (locale or "").partition("-")[0].lower()
        return wanted if wanted in self.file.template else next(iter(self.file.template))

    def template(self, language: str) -> TemplateTip:
        """The template tip in a language that `language_for` gave."""
        return self.file.template[language]

    def render(self, values: Mapping[str, JsonValue], language: str) -> Rendered:
        """The prompt with its variables filled in, each as marked data.

        Args:
            values: a value for each declared variable and no other, None where it is not known.
            language: as `language_for` gave it.

        Raises:
            PromptRenderFailed: a declared variable has no value, or a value is not declared; names it.
        """
        with self._named():
            user = self._user.render({name: quoted(name, value) for name, value in values.items()})
        return Rendered(self._system[language], user)

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except PromptRenderFailed as error:
            raise PromptRenderFailed(f"{self._name}: {error}") from error


def _own_words(output: Output, language: str) -> dict[str, str | int]:
    return {
        "language": LANGUAGE_NAMES[language],
        "language_code": language,
        "title_max_length": output.title.max_length,
        "body_max_length": output.body.max_length,
        "topics": ", ".join(output.topics),
    }


@dataclass(frozen=True)
class PromptLibrary:
    """The released versions of a prompt, by version."""

    prompts: Mapping[str, Prompt]
    retired: Mapping[str, Retirement]

    @classmethod
    def load(cls, folder: Path = TIPS) -> Self:
        """The prompts in `folder`, each the bytes that were released.

        Raises:
            InvalidPrompt: a file contradicts itself or the lock; says which and why.
            PromptRenderFailed: a template reads what its file does not declare, or a fixture does not fill it.
        """
        check_lock(folder)
        prompts = {path.stem: _read(path) for path in prompt_files(folder)}
        return cls(prompts, _retired(folder, prompts.keys()))

    @cached_property
    def versions(self) -> tuple[str, ...]:
        """Every version that may be used, oldest first."""
        return tuple(version for version in self.released if version not in self.retired)

    @cached_property
    def released(self) -> tuple[str, ...]:
        """Every version, also the retired ones, oldest first."""
        return tuple(sorted(self.prompts, key=lambda version: int(version[1:])))

    def get(self, version: str) -> Prompt:
        """The prompt of a version that may be used.

        Raises:
            UnknownPromptVersion: the library does not hold it; lists those that may be used.
            RetiredPromptVersion: it is used no more; says why, and lists the same.
        """
        known = f"known: {', '.join(self.versions)}"
        if (retirement := self.retired.get(version)) is not None:
            raise RetiredPromptVersion(
                f"prompt version {version!r} was retired on {retirement.retired_on} ({retirement.why}); {known}"
            )
        try:
            return self.prompts[version]
        except KeyError:
            raise UnknownPromptVersion(f"prompt version {version!r} is not released; {known}") from None


def _read(path: Path) -> Prompt:
    file = _validated(PromptFile, path)
    if file.version != path.stem:
        raise InvalidPrompt(f"prompt file {path} says that it is {file.version}; a file is named by its version")
    return Prompt(file, content_hash(path))


def _retired(folder: Path, released: KeysView[str]) -> dict[str, Retirement]:
    path = folder / RETIRED
    if not path.exists():
        return {}
    retired = _validated(_Retirements, path).root
    if unknown := retired.keys() - released:
        raise InvalidPrompt(f"{path}: {', '.join(sorted(unknown))} was never released")
    return retired


class _Retirements(RootModel[dict[str, Retirement]]):
    """The versions that are used no more, by version."""


def _validated(kind: type[M], path: Path) -> M:
    try:
        return kind.model_validate(yaml.safe_load(path.read_bytes()))
    except yaml.YAMLError as error:
        raise InvalidPrompt(f"prompt file {path} is not YAML: {error}") from error
    except ValidationError as error:
        raise InvalidPrompt(f"prompt file {path}: {faults(error, 'file')}") from error
