"""Chance that can be replayed: a number that a key alone decides."""

import hashlib
import json


def chance(purpose: str, *key: str) -> float:
    """A number in [0, 1), uniform over keys: the same for the same purpose and key, on any machine and for ever.

    Two purposes share no information, even for the same key. The number is the first 53 bits of the SHA-256 of the JSON
    array `[purpose, *key]` in ASCII without spaces, divided by 2^53.

    >>> chance("draw", "0190b5a2-6c1e-7a53-9d35-0f3a5c9e2b11")
    0.8558356047842484
    """
    message = json.dumps([purpose, *key], ensure_ascii=True, separators=(",", ":")).encode("ascii")
    digest = hashlib.sha256(message).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53
