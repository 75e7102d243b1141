import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from random import Random
from typing import Annotated, NamedTuple

from nats.errors import ConnectionReconnectingError
from nats.errors import Error as NatsError
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oo.bus.keys import key_part
from oo.errors import BudgetUnknown
from oo.llm.ledger import grant

# Seconds, some round trips, within which a change is tried again.
_PAUSE = 0.01


def document_key(account: str, day: date) -> str:
    """The bucket's key: one an account and day whatever characters the account's name holds."""
    return f"{'/'.join(map(key_part, account.split('/')))}.{day.isoformat()}"


class _Document(BaseModel):
    """What a key of the bucket holds."""

    model_config = ConfigDict(strict=True)

    drawn: Annotated[int, Field(ge=0)]


class _Stored(NamedTuple):
    drawn: int
    revision: int
    """What a compare-and-set expects: 0 for a key that never was, that of the marker for a deleted one."""


class NatsLedger:
    """The ledger in a JetStream key-value bucket: a number is read and written back only over the one that was read.

    Args:
        bucket: the bucket of the documents, made for direct gets.
        jitter: spreads writers that met on one account. Each repeat comes within the same short time: with longer
            and longer ones, whoever lost once would lose again and again to those who come anew.
        patience: seconds that a round trip may take, and that a change is tried in all while others come first. More
            than a person waits, see `DailyBudget`: what is written and acknowledged too late is drawn and of use to
            nobody.
    """

    def __init__(self, bucket: KeyValue, jitter: Random, *, patience: float = 2.0) -> None:
        self._bucket = bucket
        self._client = bucket._js._nc  # noqa: SLF001  # neither has a public way to the connection
        self._jitter = jitter
        self._patience = patience

    async def draw(self, account: str, day: date, *, wanted: int, least: int, cap: int) -> int:
        """As in `Ledger`."""
        return await self._change(
            document_key(account, day), lambda drawn: grant(drawn, wanted=wanted, least=least, cap=cap)
        )

    async def give_back(self, account: str, day: date, amount: int) -> None:
        """As in `Ledger`."""
        await self._change(document_key(account, day), lambda drawn: -min(amount, drawn))

    async def spent(self, account: str, day: date) -> int:
        """As in `Ledger`."""
        return (await self._read(document_key(account, day))).drawn

    async def _change(self, key: str, difference: Callable[[int], int]) -> int:
        """Add what `difference` makes of the number; what was added."""
        clock = asyncio.get_running_loop().time
        end = clock() + self._patience
        while clock() < end:
            stored = await self._read(key)
            added = difference(stored.drawn)
            if not added or await self._write(key, stored.drawn + added, stored.revision):
                return added
            await asyncio.sleep(self._jitter.uniform(0, _PAUSE))
        raise BudgetUnknown(f"budget {key} was changed by other processes for {self._patience:g} s on end")

    async def _read(self, key: str) -> _Stored:
        async with self._asking(key):
            try:
                entry = await self._bucket.get(key)
            except KeyNotFoundError as error:
                return _Stored(0, (error.entry and error.entry.revision) or 0)
        try:
            return _Stored(_Document.model_validate_json(entry.value or b"").drawn, entry.revision or 0)
        except ValidationError as error:
            raise BudgetUnknown(
                f'budget {key} is unreadable; put {{"drawn": <micro-dollars spent>}} there,'
                " or delete it, which gives the account its whole day again"
            ) from error

    async def _write(self, key: str, drawn: int, revision: int) -> bool:
        """Whether it was stored; another writer came first when not."""
        async with self._asking(key):
            try:
                await self._bucket.update(key, _Document(drawn=drawn).model_dump_json().encode(), last=revision)
            except KeyWrongLastSequenceError:
                return False
        return True

    @asynccontextmanager
    async def _asking(self, key: str) -> AsyncIterator[None]:
        try:
            if not self._client.is_connected:  # what is sent now would arrive some time later, when nobody waits for it
                raise ConnectionReconnectingError
            async with asyncio.timeout(self._patience):
                yield
        except (NatsError, OSError) as error:  # TimeoutError is an OSError
            raise BudgetUnknown(f"budget {key}: {error!r}; is the NATS server running?") from error
