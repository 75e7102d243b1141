"""A prompt's text with holes. What fills a hole is data between marks that data cannot write, never instruction."""

import json
import unicodedata
from collections.abc import Mapping
from html import escape

from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import JsonValue

from oo.errors import PromptRenderFailed

MAX_QUOTED = 500
"""The most characters of one value that reach a prompt."""

# Nothing is escaped here: `quoted` has escaped every value before a template sees it.
_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
)


class Template:
    """Text over declared variables. Jinja2's sandbox, where an unknown name is an error and never an empty string."""

    def __init__(self, source: str, variables: frozenset[str]) -> None:
        """Parse `source`.

        Raises:
            PromptRenderFailed: it is not a template, or reads a variable that is not among `variables`.
        """
        try:
            undeclared = meta.find_undeclared_variables(_ENVIRONMENT.parse(source)) - variables
            self._template = _ENVIRONMENT.from_string(source)
        except TemplateError as error:
            raise PromptRenderFailed(f"not a template: {error}") from error
        if undeclared:
            raise PromptRenderFailed(f"reads {_listed(undeclared)}, which `variables` does not declare")
        self._variables = variables

    def render(self, texts: Mapping[str, str | int]) -> str:
        """The text with its holes filled.

        Raises:
            PromptRenderFailed: a declared variable has no text, a text is not declared, or the template fails on them.
        """
        if missing := self._variables - texts.keys():
            raise PromptRenderFailed(f"no value for {_listed(missing)}; pass null for what is not known")
        if undeclared := texts.keys() - self._variables:
            raise PromptRenderFailed(f"a value for {_listed(undeclared)}, which `variables` does not declare")
        try:
            return self._template.render(texts)
        except TemplateError as error:
            raise PromptRenderFailed(f"the template failed: {error}") from error


def quoted(name: str, value: JsonValue) -> str:
    """The value as marked data, `<data name="…">…</data>`; empty for what is not known.

    A mapping is one line a key, a list one line an entry.

    Angle brackets, ampersands and quotation marks are escaped, so that no value can close its quote or open another;
    control and other invisible characters become spaces; a value is cut at `MAX_QUOTED` characters.
    """
    if isinstance(value, Mapping):
        lines = (quoted(f"{name}.{key}", value[key]) for key in sorted(value))
        return "\n".join(line for line in lines if line)
    if isinstance(value, list):
        return "\n".join(line for line in (quoted(name, entry) for entry in value) if line)
    if value is None:
        return ""
    return f'<data name="{_bounded(name)}">{_bounded(value if isinstance(value, str) else json.dumps(value))}</data>'


def _bounded(text: str) -> str:
    # Visible characters only: bidirectional marks and Unicode tags can hide an instruction from a reviewer's eye.
    visible = "".join(" " if unicodedata.category(c) in {"Zl", "Zp"} or _is_control(c) else c for c in text)
    cut = visible if len(visible) <= MAX_QUOTED else f"{visible[:MAX_QUOTED]}…"
    return escape(cut)


def _is_control(character: str) -> bool:
    return unicodedata.category(character).startswith("C")


def _listed(names: frozenset[str] | set[str]) -> str:
    return ", ".join(map(repr, sorted(names)))
