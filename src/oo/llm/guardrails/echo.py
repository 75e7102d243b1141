"""What others wrote, written again: a tip may take up a topic, not carry a text from one person to another."""

from collections.abc import Sequence

from oo.llm.guardrails.folding import folded, words, written

WORDS = 6
"""A run of so many words is an echo."""
LETTERS = 40
"""A run of so many letters and digits is one, whatever stands between them."""


def echoes(text: str, sources: Sequence[str]) -> bool:
    """Whether a part of `text`, which is words as `folding` makes them, stands in one of the sources.

    A goal of five words may be repeated; most sentences and all passwords, addresses and notes of some length may not.
    """
    known = [words(folded(written(source))) for source in sources]
    return bool(known) and (_run_of_words(text, known) or _run_of_letters(text, known))


def _run_of_words(text: str, known: Sequence[str]) -> bool:
    source = " \n ".join(["", *known, ""])
    parts = text.split()
    return any(f" {' '.join(parts[i : i + WORDS])} " in source for i in range(len(parts) - WORDS + 1))


def _run_of_letters(text: str, known: Sequence[str]) -> bool:
    letters, source = text.replace(" ", ""), "\n".join(known).replace(" ", "")
    half = LETTERS // 2
    # A run of this length covers at least one of the halves that start at a multiple of a half: look for those first.
    for start in range(0, len(letters) - half + 1, half):
        if letters[start : start + half] in source:
            first = max(0, start - half)
            last = min(start, len(letters) - LETTERS)
            if any(letters[i : i + LETTERS] in source for i in range(first, last + 1)):
                return True
    return False
