import asyncio
from collections.abc import Mapping, Sequence
from hashlib import sha256
from random import Random
from typing import NamedTuple

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import Header
from nats.js.errors import APIError
from nats.js.kv import KV_DEL, KV_OP, KV_PURGE, KeyValue
from pydantic_core import from_json

from oo.bus.keys import key_part
from oo.bus.requests import Question, Requests
from oo.bus.server_codes import OUTRUN
from oo.errors import OnlineStoreUnavailable
from oo.features.online_store import Change, Person
from oo.features.user_state import UserState


def document_key(tenant_id: str, user_id: str) -> str:
    """The bucket's key for a person: one a person whatever characters the ids hold, and `<tenant>.*` is a tenant."""
    # A hash: what is deleted may stay on the server's disk for a while, and then it should name nobody.
    return f"{key_part(tenant_id)}.{sha256(user_id.encode()).hexdigest()}"


class _Document(NamedTuple):
    state: UserState | None
    revision: int
    """What a compare-and-set expects: 0 for one that never was, that of the marker for a deleted one."""


class NatsOnlineStore:
    """The online store in a JetStream key-value bucket.

    A read is one direct get. An update of many people is a direct get each, all at once, and then a compare-and-set
    each, all at once; those for whom another writer came first go round again.

    Args:
        bucket: the bucket of the documents, made for direct gets.
        jitter: spreads writers that met on one person.
        attempts: how often an update is tried, at least 1.
        pause: seconds within which the first repeat comes; the second within twice as long, and so on.
        patience: seconds that the server may take for all that it is asked at once.
    """

    def __init__(
        self, bucket: KeyValue, jitter: Random, *, attempts: int = 10, pause: float = 0.01, patience: float = 5.0
    ) -> None:
        self._bucket = bucket
        # Past the bucket's own methods: they ask for one key after the other, each with a task, a timer and a name.
        self._requests = Requests(bucket._js)  # noqa: SLF001  # it tells neither its context
        self._documents = bucket._pre  # noqa: SLF001  # nor the subject of a key
        self._reads = f"$JS.API.DIRECT.GET.{bucket._stream}.{bucket._pre}"  # noqa: SLF001  # nor its stream
        self._jitter = jitter
        self._attempts = attempts
        self._pause = pause
        self._patience = patience

    async def get(self, tenant_id: str, user_id: str) -> UserState | None:
        """As in `OnlineStore`."""
        (document,) = await self._read([document_key(tenant_id, user_id)])
        if isinstance(document, OnlineStoreUnavailable):
            raise document
        return document.state

    async def forget(self, tenant_id: str, user_id: str) -> None:
        """As in `OnlineStore`.

        No marker stays. A bucket's bytes cannot be overwritten: the server takes them off its disk when it next
        compacts the block that they are in. Neither key nor document has the person's id.
        """
        bucket, key = self._bucket, document_key(tenant_id, user_id)
        try:
            # The bucket's own ways to delete leave a marker.
            await bucket._js.purge_stream(bucket._stream, subject=self._documents + key)  # noqa: SLF001
        except (NatsError, OSError) as error:
            raise _unavailable(key, error) from error

    async def update(self, changes: Mapping[Person, Change]) -> Mapping[Person, OnlineStoreUnavailable]:
        """As in `OnlineStore`."""
        failures: dict[Person, OnlineStoreUnavailable] = {}
        keys = {person: document_key(*person) for person in changes}
        for attempt in range(self._attempts):
            writes: dict[Person, Question] = {}
            for person, document in zip(keys, await self._read(list(keys.values())), strict=True):
                if isinstance(document, OnlineStoreUnavailable):
                    failures[person] = document
                    continue
                before = document.state or UserState()
                after = changes[person](before)
                if after != before:
                    writes[person] = self._compare_and_set(keys[person], document.revision, after)
            outcomes = await self._write([keys[person] for person in writes], list(writes.values()))
            outcome_of = dict(zip(writes, outcomes, strict=True))
            failures |= {person: why for person, why in outcome_of.items() if isinstance(why, OnlineStoreUnavailable)}
            keys = {person: keys[person] for person, outcome in outcome_of.items() if outcome is False}
            if not keys:
                return failures
            await asyncio.sleep(self._jitter.uniform(0, self._pause * (attempt + 1)))
        return failures | {
            person: OnlineStoreUnavailable(
                f"document {key} was changed by another writer {self._attempts} times in a row; try again later"
            )
            for person, key in keys.items()
        }

    async def _read(self, keys: Sequence[str]) -> list[_Document | OnlineStoreUnavailable]:
        answers = await self._ask(keys, [Question(self._reads + key) for key in keys])
        return [_document(key, answer) for key, answer in zip(keys, answers, strict=True)]

    def _compare_and_set(self, key: str, revision: int, state: UserState) -> Question:
        expected: dict[str, str] = {Header.EXPECTED_LAST_SUBJECT_SEQUENCE: str(revision)}
        return Question(self._documents + key, state.to_json(), expected)

    async def _write(self, keys: Sequence[str], writes: Sequence[Question]) -> list[bool | OnlineStoreUnavailable]:
        """For each whether it was stored; another writer came first when not."""
        answers = await self._ask(keys, writes)
        return [_stored(key, answer) for key, answer in zip(keys, answers, strict=True)]

    async def _ask(self, keys: Sequence[str], questions: Sequence[Question]) -> list[Msg | OnlineStoreUnavailable]:
        try:
            answers = await self._requests.ask(questions, self._patience)
        except (NatsError, OSError) as error:
            return [_unavailable(key, error) for key in keys]
        return [_answer(key, answer) for key, answer in zip(keys, answers, strict=True)]


def _answer(key: str, message: Msg | None) -> Msg | OnlineStoreUnavailable:
    if message is None:
        return _unavailable(key, NatsTimeoutError())
    if _header(message, Header.STATUS) == "503":
        return _unavailable(key, NoRespondersError())
    return message


def _document(key: str, answer: Msg | OnlineStoreUnavailable) -> _Document | OnlineStoreUnavailable:
    if isinstance(answer, OnlineStoreUnavailable):
        return answer
    if (status := _header(answer, Header.STATUS)) == "404":
        return _Document(None, 0)
    if status is not None:
        return _unavailable(key, APIError(code=int(status), description=_header(answer, Header.DESCRIPTION)))
    revision = int(_header(answer, "Nats-Sequence") or 0)
    if _header(answer, KV_OP) in {KV_DEL, KV_PURGE}:
        return _Document(None, revision)
    try:
        return _Document(UserState.from_json(answer.data), revision)
    except ValueError as error:
        unreadable = OnlineStoreUnavailable(f"document {key} is unreadable; delete it and read the stream again")
        unreadable.__cause__ = error
        return unreadable


def _stored(key: str, answer: Msg | OnlineStoreUnavailable) -> bool | OnlineStoreUnavailable:
    if isinstance(answer, OnlineStoreUnavailable):
        return answer
    said = from_json(answer.data)
    if "error" not in said:
        return True
    error = APIError(**said["error"])
    return False if error.err_code in OUTRUN else _unavailable(key, error)


def _unavailable(key: str, error: NatsError | OSError) -> OnlineStoreUnavailable:
    unavailable = OnlineStoreUnavailable(f"document {key}: {error}; is the NATS server running?")
    unavailable.__cause__ = error
    return unavailable


def _header(message: Msg, name: str) -> str | None:
    return (message.headers or {}).get(name)
