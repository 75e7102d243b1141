"""What a tip was asked to be, and from what."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Brief:
    """The limits of one tip, and the texts that it may not give away."""

    title_length: int
    """The longest title, in characters."""
    body_length: int
    """The longest body, in characters."""
    language: str
    """The tag that the tip must carry and be written in."""
    topics: tuple[str, ...]
    """Those that the tip may be about."""
    words: tuple[str, ...] = ()
    """Every text that the caller wrote and that reached the prompt."""
    identifiers: tuple[str, ...] = ()
    """What names the person, such as the user id: never in a tip."""
