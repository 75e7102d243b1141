"""Mirror of feedback.proto: what became of a tip."""

from enum import StrEnum
from typing import Annotated

from oo.events.json_types import Identifier, Specified
from oo.events.message import Message, Personal


class ReactionKind(StrEnum):
    """What the person did with a tip that they saw."""

    UNSPECIFIED = "REACTION_KIND_UNSPECIFIED"
    CLICKED = "REACTION_KIND_CLICKED"
    COMPLETED = "REACTION_KIND_COMPLETED"
    SAVED = "REACTION_KIND_SAVED"
    DISMISSED = "REACTION_KIND_DISMISSED"


class TipExposed(Message):
    """The tip of a decision was on the person's screen."""

    decision_id: Identifier
    tip_id: Identifier


class TipReacted(Message):
    """The person did something with an exposed tip."""

    decision_id: Identifier
    tip_id: Identifier
    kind: Annotated[ReactionKind, Specified, Personal]
