"""The language that a text is written in."""

import re

from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]

from oo.llm.guardrails.draft import Draft

# The least probability of the right language, by length in characters: the less there is to read, the less a low one
# says. Measured on the 160 good tips in tests/unit/llm/guardrails: their own language stays above twice this, and of
# another one from 20 characters on nothing comes near it.
_LEAST = ((40, 0.25), (30, 0.15), (20, 0.05), (12, 0.015))
_SHORT = 30
_SENTENCE = re.compile(r"(?<=[.!?…:;])\s+")


class LanguageJudge:
    """A model of 140 languages, read from the library's own file."""

    def __init__(self) -> None:
        self._model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def doubts(self, draft: Draft, language: str) -> bool:
        """Whether the title or a sentence of the body is in another language, as far as its length lets one tell."""
        return any(self._doubts(part, language) for part in (draft.title, *_parts(draft.body)))

    def _doubts(self, text: str, language: str) -> bool:
        least = next((least for length, least in _LEAST if len(text) >= length), 0.0)
        if not least:
            return False
        # In lower case, since the model takes the capitals of a title for those of German.
        text = text.lower()
        best, _ = self._model.classify(text)
        return bool(best != language and dict(self._model.rank(text)).get(language, 0.0) < least)


def _parts(body: str) -> list[str]:
    """The body's sentences, short ones together with what follows them."""
    parts: list[str] = []
    for sentence in _SENTENCE.split(body):
        if parts and len(parts[-1]) < _SHORT:
            parts[-1] += f" {sentence}"
        else:
            parts.append(sentence)
    return parts
