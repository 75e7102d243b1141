"""Names of any characters as parts of a key-value bucket's keys."""

import re
from base64 import urlsafe_b64encode

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def key_part(name: str) -> str:
    """The name itself where a key can hold it, else encoded: another one for each name, and always without a dot."""
    # An equals sign is in no plain name, so an encoded name never meets a plain one.
    return name if _PLAIN.fullmatch(name) else f"={urlsafe_b64encode(name.encode()).decode()}"
