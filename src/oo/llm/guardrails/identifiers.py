"""What names the person, found in a text however it is written."""

import re
from collections.abc import Iterable

from oo.llm.guardrails.folding import folded, written

_SEPARATORS = re.compile(r"[\W_]+")


def reveals(text: str, identifiers: Iterable[str]) -> bool:
    """Whether a folded text holds one of the identifiers.

    Six and more letters and digits are found in any spelling (`u s e r-4 2 7`), and backwards; four and five inside of
    a word; fewer as a word of their own, since `7` names nobody in `17 minutes`. Of an e-mail address the parts
    before the @ are looked for as well.
    """
    squeezed = _SEPARATORS.sub("", text)
    words = _SEPARATORS.split(text)
    return any(_holds(part, squeezed, words) for identifier in identifiers for part in _parts(identifier))


def _holds(identifier: str, squeezed: str, words: list[str]) -> bool:
    if len(identifier) >= 6:  # noqa: PLR2004  # the docstring's six
        return identifier in squeezed or identifier[::-1] in squeezed
    if len(identifier) >= 4:  # noqa: PLR2004  # its four
        return any(identifier in word for word in words)
    return bool(identifier) and identifier in words


def _parts(identifier: str) -> set[str]:
    whole = folded(written(identifier))
    name, at, _ = whole.partition("@")
    pieces = {piece for piece in _SEPARATORS.split(name) if len(piece) >= 4} if at else set()  # noqa: PLR2004  # a name
    return {_SEPARATORS.sub("", whole), *pieces}
