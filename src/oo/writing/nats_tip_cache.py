import asyncio

from nats.errors import Error as NatsError
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue
from pydantic import TypeAdapter, ValidationError

from oo.errors import TipCacheUnavailable
from oo.features.nats_online_store import document_key
from oo.writing.tip_cache import Kept

_DOCUMENT = TypeAdapter(Kept)
_DIGITS = 16
"""Of a prompt's hash: enough to tell the prompts of a person apart."""


def tips_key(tenant_id: str, user_id: str, prompt_hash: str) -> str:
    """The bucket's key for what a prompt wrote for a person, which is below that of the person."""
    return f"{document_key(tenant_id, user_id)}.{prompt_hash[:_DIGITS]}"


class NatsTipCache:
    """The cache in a JetStream key-value bucket, which forgets by itself.

    Args:
        bucket: made for direct gets, with an age limit.
        patience: seconds that the server may take.
    """

    def __init__(self, bucket: KeyValue, *, patience: float) -> None:
        self._bucket = bucket
        self._patience = patience

    async def get(self, tenant_id: str, user_id: str, prompt_hash: str) -> Kept | None:
        """As in `TipCache`."""
        key = tips_key(tenant_id, user_id, prompt_hash)
        try:
            async with asyncio.timeout(self._patience):
                entry = await self._bucket.get(key)
            return _DOCUMENT.validate_json(entry.value or b"")
        except KeyNotFoundError:
            return None
        except (NatsError, OSError) as error:
            raise TipCacheUnavailable(f"tips of {tenant_id}: {error!r}; is the NATS server running?") from error
        except ValidationError as error:
            # Without the texts, which are a person's, and the key, which tells who it is. The next tips take its place.
            raise TipCacheUnavailable(f"tips of {tenant_id} are unreadable: {error.error_count()} faults") from None

    async def put(self, tenant_id: str, user_id: str, prompt_hash: str, kept: Kept) -> None:
        """As in `TipCache`."""
        key = tips_key(tenant_id, user_id, prompt_hash)
        try:
            async with asyncio.timeout(self._patience):
                await self._bucket.put(key, _DOCUMENT.dump_json(kept))
        except (NatsError, OSError) as error:
            raise TipCacheUnavailable(f"tips of {tenant_id}: {error!r}; is the NATS server running?") from error

    async def count(self, tenant_id: str, user_id: str) -> int:
        """As in `TipCache`."""
        subjects = self._subjects(tenant_id, user_id)
        try:
            info = await self._bucket._js.stream_info(self._bucket._stream, subjects_filter=subjects)  # noqa: SLF001  # the bucket's own way reads all its keys
        except (NatsError, OSError) as error:
            raise TipCacheUnavailable(f"tips of {tenant_id}: {error!r}; is the NATS server running?") from error
        return len(info.state.subjects or {})

    async def forget(self, tenant_id: str, user_id: str) -> None:
        """As in `TipCache`."""
        subjects = self._subjects(tenant_id, user_id)
        try:
            # The bucket's own ways to delete leave a marker.
            await self._bucket._js.purge_stream(self._bucket._stream, subject=subjects)  # noqa: SLF001
        except (NatsError, OSError) as error:
            raise TipCacheUnavailable(f"tips of {tenant_id}: {error!r}; is the NATS server running?") from error

    def _subjects(self, tenant_id: str, user_id: str) -> str:
        return f"{self._bucket._pre}{document_key(tenant_id, user_id)}.*"  # noqa: SLF001  # it tells not its subjects
