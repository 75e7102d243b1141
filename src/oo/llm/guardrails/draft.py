"""A tip as a language model wrote it."""

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

Safety = Literal["safe", "sensitive", "unsafe"]

MAX_ANSWER = 100_000
"""The most characters of an answer that are read at all: a tip is a few hundred."""


class Draft(BaseModel):
    """The five texts of a tip."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: str
    body: str
    language: str
    topic: str
    safety: Safety
    """What the language model says of its own tip."""


def read(answer: str) -> Draft | None:
    """The tip in `answer`, which is one JSON object with each field once and nothing around it; else None."""
    if len(answer) > MAX_ANSWER:
        return None
    try:
        draft = Draft.model_validate_json(answer)
    except ValidationError:
        return None
    # Of a field that stands twice pydantic takes the last; another reader may take the first.
    fields: int = json.loads(answer, object_pairs_hook=len)
    return draft if fields == len(Draft.model_fields) else None
