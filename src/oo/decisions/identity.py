"""What a decision and its event are called: both follow from the request, so that a retry finds the first answer."""

from collections.abc import Callable
from typing import Literal
from uuid import UUID, uuid5

from oo.events.decision import ServingRole

DecisionKind = Literal["score", "generate", "shadow_prompt"]
"""The last is a second tip that nobody sees."""


def decision_id(request_id: str | None, header: str | None, new: Callable[[], UUID]) -> UUID:
    """The caller's request id when it is a UUID, else the `x-request-id` header when that is one, else a new UUIDv7."""
    for candidate in (request_id, header):
        if candidate:
            try:
                return UUID(candidate)
            except ValueError:
                continue
    return new()


def event_id(decision: UUID, tenant: str, role: ServingRole, kind: DecisionKind = "generate") -> str:
    """The event id of a decision's record.

    A request id names one decision of one tenant, whichever service answered; a shadow's record of it is another event,
    and that of a shadow prompt a third.
    """
    side = kind if kind == "shadow_prompt" else "shadow" if role is ServingRole.SHADOW else "served"
    return str(uuid5(decision, f"{tenant}/{side}"))
