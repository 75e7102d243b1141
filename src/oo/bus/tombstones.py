"""Who was erased, and when: what every consumer obeys before an event has its effect."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from oo.bus.server_codes import NO_MESSAGE
from oo.bus.streams import TOMBSTONES_BUCKET
from oo.errors import BusUnreachable, SinkUnavailable
from oo.events.envelope import Envelope

_STREAM = f"KV_{TOMBSTONES_BUCKET}"
_PREFIX = f"$KV.{TOMBSTONES_BUCKET}."
_ALL = f"{_PREFIX}>"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of a tenant; the same id in another tenant is somebody else."""

    tenant_id: str
    user_id: str = field(repr=False)

    @property
    def key(self) -> str:
        """What a tombstone has in place of the name. Who has the id can tell whose it is, so it is a pseudonym."""
        # JSON, since of two ids that are put together plainly the border is lost.
        return hashlib.sha256(json.dumps([self.tenant_id, self.user_id]).encode()).hexdigest()


class Tombstones:
    """The tombstones of the bucket; only what is new is read."""

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js
        self._erased_at: dict[str, datetime] = {}
        self._newest: tuple[int, datetime | None] | None = None

    async def refresh(self) -> None:
        """Learn of every tombstone that was laid before this was called; one round trip when none is new.

        Raises:
            SinkUnavailable: the bus did not answer, or has no tombstones; without them no effect is allowed.
        """
        newest = await self._ask(subject=_ALL)
        if newest is None or _place(newest) == self._newest:
            return
        known = self._newest and await self._ask(seq=self._newest[0])
        # A bucket that was made again counts from 1 again; so does this, when the newest is no longer what it was.
        sequence = _place(known)[0] if known and _place(known) == self._newest else 0
        while sequence < _place(newest)[0]:
            found = await self._ask(seq=sequence + 1, subject=_ALL, next=True)
            if found is None:
                break
            sequence, _ = self._newest = _place(found)
            if found.data:
                key = (found.subject or "").removeprefix(_PREFIX)
                self._erased_at[key] = datetime.fromisoformat(json.loads(found.data)["erased_at"])

    def cover(self, envelope: Envelope) -> bool:
        """Whether this event is of a person who was erased then or later."""
        if not self._erased_at:
            return False
        erased_at = self._erased_at.get(Person(envelope.tenant_id, envelope.user_id).key)
        return erased_at is not None and envelope.occurred_at <= erased_at

    async def _ask(self, **which: Any) -> RawStreamMsg | None:  # noqa: ANN401  # as the client has them
        try:
            # Not a direct get: another server than the leader may not have heard of the newest.
            return await self._js.get_msg(_STREAM, **which)
        except NotFoundError as error:
            if error.err_code == NO_MESSAGE:
                return None
            raise SinkUnavailable(f"the bus has no bucket {TOMBSTONES_BUCKET}; `oo bootstrap` makes it") from error
        except (NatsError, OSError) as error:
            raise SinkUnavailable(f"the bus does not tell who was erased ({error!r})") from error


def _place(message: RawStreamMsg) -> tuple[int, datetime | None]:
    """What tells a message from any other of the bucket, and of one that had its name before."""
    return message.seq or 0, message.time


async def lay(js: JetStreamContext, person: Person, erased_at: datetime) -> datetime:
    """Lay a tombstone: what happened to this person until `erased_at` has no effect any more, whenever it comes.

    Returns:
        What stands there now: an earlier one moves forward, and none moves back.

    Raises:
        BusUnreachable: the bus did not acknowledge it.
    """
    try:
        before = await standing(js, person)
        erased_at = max(erased_at.astimezone(UTC), before or erased_at)
        bucket = await js.key_value(TOMBSTONES_BUCKET)
        await bucket.put(person.key, json.dumps({"erased_at": erased_at.isoformat()}).encode())
    except (NatsError, OSError) as error:
        raise BusUnreachable(
            f"the tombstone was not acknowledged ({error!r}); `oo bootstrap` makes its bucket"
        ) from error
    return erased_at


async def standing(js: JetStreamContext, person: Person) -> datetime | None:
    """Until when the person was erased; None when never.

    Raises:
        nats.errors.Error: the bus did not answer.
    """
    try:
        found = await js.get_msg(_STREAM, subject=f"{_PREFIX}{person.key}")
    except NotFoundError as error:
        if error.err_code != NO_MESSAGE:
            raise
        return None
    return datetime.fromisoformat(json.loads(found.data or b"{}")["erased_at"])
