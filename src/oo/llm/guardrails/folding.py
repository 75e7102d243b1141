"""Texts as rules read them: without the disguises in which the same words can be written."""

import re
import unicodedata
from html import unescape
from urllib.parse import unquote

# Letters that look like one of a to z and that no normal form takes for it: each stands above its twin.
_LOOKALIKES = str.maketrans(
    "авгеёзіїѕјкӏмноԛрстуѵԝхһԁɑɡıɩαβεηικνορτυχωϲϳγσłøđħŧ",
    "abree3iisjklmhoqpctyvwxhdagiiabenikvoptuxwcjyolodht",
)
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]|[\U000e0000-\U000e0fff]"
)
_MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]")
_WORD = re.compile(r"[^\W_]+")
_JOINED = re.compile(r"(?<=[^\W_])[-.*_~+|/\\·]+(?=[^\W_])")
_SPELLED = re.compile(r"\b(?:\w ){2,}\w\b")
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")
_LEET = re.compile(r"[a-z]['.]?[013457@$|]|[013457@$!|]['.]?[a-z]")
# A one stands for an i or for an l.
_LEET_LETTERS = (str.maketrans("013457@$!|", "oieastasil"), str.maketrans("013457@$!|", "oleastasii"))


def written(text: str) -> str:
    """The text with entities and percent escapes decoded, in compatible characters, without invisible ones."""
    if "&" in text or "%" in text:
        # What was encoded twice is decoded twice; three times is nothing that a reader's program would undo.
        text = unescape(unquote(unescape(unquote(text))))
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))


def folded(text: str) -> str:
    """The text of `written` in lower case, without accents, with a Latin letter for each that looks like one."""
    if text.isascii():
        return text.lower()
    return latin(text.casefold())


def latin(text: str) -> str:
    """The text without accents, with a Latin letter for each that looks like one."""
    return _MARKS.sub("", unicodedata.normalize("NFD", text)).translate(_LOOKALIKES)


def words(text: str) -> str:
    """The words of a folded text, with one space between them."""
    return " ".join(_WORD.findall(text))


def readings(text: str) -> tuple[str, ...]:
    """The words of a folded text, once for each way in which they can be meant; mostly that is one way.

    Words can be spelled (`k i l l`), broken (`k-ill`), drawn out (`killll`) or written with digits (`k1ll`).
    """
    plain = words(text)
    found = [plain]
    if _JOINED.search(text):
        found.append(words(_JOINED.sub("", text)))
    if _LEET.search(text):
        found += [words(" ".join(_unleet(part, letters) for part in text.split())) for letters in _LEET_LETTERS]
    if _SPELLED.search(plain):
        # The letter before a spelled word may be a word of its own: `a k i l l`.
        found.append(_SPELLED.sub(lambda match: match[0].replace(" ", ""), plain))
        found.append(_SPELLED.sub(lambda match: match[0][:2] + match[0][2:].replace(" ", ""), plain))
    if _DRAWN_OUT.search(text):
        found += [words(_DRAWN_OUT.sub(short, text)) for short in (r"\1", r"\1\1")]
    return tuple(dict.fromkeys(found))


def _unleet(part: str, letters: dict[int, int]) -> str:
    return part.rstrip("!.,;:?").translate(letters) if _LEET.search(part) else part
