"""Whether a message is about a person, also one that is no event."""

import json
from datetime import datetime
from typing import Literal

from pydantic_core import from_json

from oo.bus.tombstones import Person
from oo.errors import InvalidEvent
from oo.events.codec import decode

Match = Literal["event", "value", "bytes"]
"""An event of theirs, or, in what cannot be read as one: a JSON string that is their id, or bytes that look like it."""


def match(data: bytes, person: Person, until: datetime, stored_at: datetime) -> Match | None:
    """How the message is about what the person did until then; None when it is not.

    What is no event is theirs when in doubt, unless it names another tenant.

    Args:
        data: the message.
        person: who.
        until: of an event's own time, included.
        stored_at: stands for the time of what is no event.
    """
    # Quick: a string in JSON is spelled out unless there is a backslash.
    if person.user_id.encode() not in data and b"\\" not in data:
        return None
    try:
        envelope = decode(data)
    except InvalidEvent:
        return _mention(data, person) if stored_at <= until else None
    theirs = (envelope.tenant_id, envelope.user_id) == (person.tenant_id, person.user_id)
    return "event" if theirs and envelope.occurred_at <= until else None


def _mention(data: bytes, person: Person) -> Match | None:
    try:
        document = from_json(data)
    except ValueError:
        spelled = (json.dumps(person.user_id, ensure_ascii=ascii_only) for ascii_only in (True, False))
        return "bytes" if any(spelling.encode() in data for spelling in spelled) else None
    if isinstance(document, dict):
        tenants = {document[name] for name in ("tenantId", "tenant_id") if isinstance(document.get(name), str)}
        if tenants and person.tenant_id not in tenants:
            return None
    return "value" if _holds(document, person.user_id) else None


def _holds(document: object, text: str) -> bool:
    """Whether a string anywhere in the document is this text, or a name in it."""
    rest = [document]
    while rest:
        value = rest.pop()
        if value == text:
            return True
        if isinstance(value, dict):
            rest += value.keys()
            rest += value.values()
        elif isinstance(value, list):
            rest += value
    return False
