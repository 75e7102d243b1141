import asyncio
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import nats.errors
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from oo.errors import OnlineStoreUnavailable
from oo.features.user_state import UserState

_PLAIN_TENANT = re.compile(r"[A-Za-z0-9_-]+")


def _encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def document_key(tenant_id: str, user_id: str) -> str:
    """The bucket's key for a person: one a person whatever characters the ids hold, and `<tenant>.*` is a tenant."""
    # An equals sign is in no plain name, so an encoded tenant never meets a plain one.
    tenant = tenant_id if _PLAIN_TENANT.fullmatch(tenant_id) else f"={_encoded(tenant_id)}"
    return f"{tenant}.{_encoded(user_id)}"


class NatsOnlineStore:
    """The online store in a JetStream key-value bucket: one get a read, one get and one compare-and-set an update.

    Args:
        bucket: the bucket of the documents.
        jitter: spreads writers that met on one person.
        attempts: how often an update is tried, at least 1.
        pause: seconds within which the first repeat comes; the second within twice as long, and so on.
    """

    def __init__(self, bucket: KeyValue, jitter: Random, *, attempts: int = 10, pause: float = 0.01) -> None:
        self._bucket = bucket
        self._jitter = jitter
        self._attempts = attempts
        self._pause = pause

    async def get(self, tenant_id: str, user_id: str) -> UserState | None:
        """As in `OnlineStore`."""
        state, _ = await self._read(document_key(tenant_id, user_id))
        return state

    async def update(self, tenant_id: str, user_id: str, change: Callable[[UserState], UserState]) -> None:
        """As in `OnlineStore`."""
        key = document_key(tenant_id, user_id)
        for attempt in range(self._attempts):
            stored, revision = await self._read(key)
            before = stored or UserState()
            after = change(before)
            if after == before:
                return
            try:
                await self._write(key, after, revision)
            except KeyWrongLastSequenceError:
                await asyncio.sleep(self._jitter.uniform(0, self._pause * (attempt + 1)))
            else:
                return
        raise OnlineStoreUnavailable(
            f"document {key} was changed by another writer {self._attempts} times in a row; try again later"
        )

    async def _read(self, key: str) -> tuple[UserState | None, int | None]:
        with self._answering(key):
            try:
                entry = await self._bucket.get(key, validate_keys=False)
            except KeyNotFoundError:
                return None, None
        try:
            return UserState.from_json(entry.value or b""), entry.revision
        except ValueError as error:
            raise OnlineStoreUnavailable(
                f"document {key} is unreadable; delete it and read the stream again"
            ) from error

    async def _write(self, key: str, state: UserState, revision: int | None) -> None:
        with self._answering(key):
            if revision is None:
                # Not an update from 0: a deleted document leaves a marker, which create writes over.
                await self._bucket.create(key, state.to_json(), validate_keys=False)
            else:
                await self._bucket.update(key, state.to_json(), last=revision, validate_keys=False)

    @contextmanager
    def _answering(self, key: str) -> Iterator[None]:
        try:
            yield
        except KeyWrongLastSequenceError:
            raise
        except (nats.errors.Error, OSError) as error:
            raise OnlineStoreUnavailable(f"document {key}: {error}; is the NATS server running?") from error
