"""Streams, durables and buckets as the table in oo.events.subjects declares them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    KeyValueConfig,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, BucketNotFoundError, NotFoundError

from oo.bus.server_codes import OTHERWISE_IN_USE
from oo.errors import InvalidSettings
from oo.events.subjects import DURABLES, MAX_AGE, STREAMS, Durable, StreamName

MAX_EVENT_BYTES = 1_000_000
"""The largest event. A message with its headers must stay below the server's `max_payload`, 1 MiB unless configured,
and what is stored must fit once more with the headers of a dead letter: so the streams refuse what is larger."""
HEADER_BYTES = 4_096
"""Room for the headers that a producer adds."""
DEDUPE_SECONDS = 600
"""An event id published again within this time is stored once. Sinks keep their own keys for later repeats."""
ACK_WAIT = 30.0
"""Seconds after which a delivery that left by no door is delivered again."""
MAX_ACK_PENDING = 10_000
"""Deliveries of a durable that may be under way at once, naks that wait for their delay among them: the batches of as
many replicas as one would run."""
FEATURES_BUCKET = "features"
POLICY_STATE_BUCKET = "policy_state"
TOMBSTONES_BUCKET = "tombstones"
BUDGETS_BUCKET = "budgets"
TIPS_BUCKET = "written_tips"
TRAFFIC_BUCKET = "traffic"
EVIDENCE_BUCKET = "evidence"
BUCKETS: Mapping[str, timedelta | None] = {
    FEATURES_BUCKET: None,
    POLICY_STATE_BUCKET: None,
    TOMBSTONES_BUCKET: None,
    BUDGETS_BUCKET: timedelta(days=14),
    TIPS_BUCKET: timedelta(days=1),
    TRAFFIC_BUCKET: None,
    EVIDENCE_BUCKET: None,
}
"""How long each keeps what is not written again; None for ever."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an installation decides about streams. What is not given here is left as it is."""

    replicas: int | None = None
    """Of the buckets too."""
    dedupe_seconds: float | None = None
    max_age: Mapping[StreamName, timedelta] = field(default_factory=dict)
    max_bytes: Mapping[StreamName, int] = field(default_factory=dict)

    def of(self, stream: StreamName) -> dict[str, Any]:
        """The given ones of a stream, as the fields of its configuration."""
        age = self.max_age.get(stream)
        given = {
            "num_replicas": self.replicas,
            "duplicate_window": self.dedupe_seconds,
            "max_age": age and age.total_seconds(),
            "max_bytes": self.max_bytes.get(stream),
        }
        return {name: value for name, value in given.items() if value is not None}


AS_IT_IS = Limits()
"""Nothing was decided."""
# Aliases and traffic follow from the history: what was written there, nobody takes back. The server allows no way back
# from this either.
_FINAL: Mapping[StreamName, dict[str, Any]] = {"HISTORY": {"deny_delete": True, "deny_purge": True}}


async def ensure(js: JetStreamContext, limits: Limits = AS_IT_IS) -> None:
    """Create what is missing and bring what we own up to date; may run in several processes at once.

    Three hands hold a stream or durable, each its own part:

    - the code: subjects, the largest message, what a full stream discards, that the history is never deleted from,
      filters, how often a message is delivered. These come back at each start.
    - settings that were given, as `limits`: they win over what is there, also at each start.
    - an operator, for all the rest: age, bytes, replicas and dedupe window without a setting, ack wait and pending of
      a durable, age of a bucket, placement. The defaults of the code stand only in what it creates.

    A full stream (`max_bytes`) refuses what is new, so that the publisher learns of it: none drops silently what a
    consumer has not read. Age does; it is the one bound behind which a reader must not fall.

    Raises:
        InvalidSettings: the server refused given limits.
        nats.js.errors.APIError: the server refused, such as for a subject that another stream holds.
        nats.errors.TimeoutError: JetStream did not answer.
    """
    for stream in STREAMS:
        given = limits.of(stream)
        try:
            await _ensure_stream(js, stream, given)
        except APIError as error:
            if given:
                raise InvalidSettings(
                    f"stream {stream}: the server refused it with {given} ({error.description});"
                    " change OO_STREAM_REPLICAS, OO_STREAM_MAX_AGE_DAYS, OO_STREAM_MAX_BYTES or OO_DEDUPE_SECONDS"
                ) from error
            raise
    for durable in DURABLES:
        await _ensure_durable(js, durable)
    for bucket in BUCKETS:
        await _ensure_bucket(js, bucket, limits.replicas)


async def missing(js: JetStreamContext) -> list[str]:
    """What is not there of all that `ensure` makes; for who may look and not make.

    Raises:
        nats.errors.TimeoutError: JetStream did not answer.
    """
    looked = {
        **{f"stream {stream}": js.stream_info(stream) for stream in STREAMS},
        **{f"durable {durable.name}": js.consumer_info(durable.stream, durable.name) for durable in DURABLES},
        **{f"bucket {bucket}": js.stream_info(f"KV_{bucket}") for bucket in BUCKETS},
    }
    found = await asyncio.gather(*looked.values(), return_exceptions=True)
    for answer in found:
        if isinstance(answer, BaseException) and not isinstance(answer, NotFoundError):
            raise answer
    return [what for what, answer in zip(looked, found, strict=True) if isinstance(answer, NotFoundError)]


def stream_config(name: StreamName) -> StreamConfig:
    """A stream as it is created when nothing else was decided."""
    age = MAX_AGE[name]
    fresh = StreamConfig(
        name=name,
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        num_replicas=1,
        max_age=age.total_seconds() if age else 0,
        max_bytes=-1,
        duplicate_window=float(DEDUPE_SECONDS),
    )
    return fresh.evolve(**_structure(name))


def durable_config(durable: Durable) -> ConsumerConfig:
    """A durable as it is created."""
    fresh = ConsumerConfig(durable_name=durable.name, ack_wait=ACK_WAIT, max_ack_pending=MAX_ACK_PENDING)
    return fresh.evolve(**_filter(durable))


def bucket_config(name: str) -> KeyValueConfig:
    """A bucket as it is created."""
    age = BUCKETS[name]
    return KeyValueConfig(
        bucket=name,
        storage=StorageType.FILE,
        replicas=1,
        history=1,
        ttl=age.total_seconds() if age else None,
        # Any replica answers a read, without the API's JSON; compare-and-set sees what a stale read missed.
        direct=True,
    )


def _structure(name: StreamName) -> dict[str, Any]:
    # A dead letter is an event with more headers, an advisory is the server's.
    bounded = name not in {"DLQ", "ADVISORIES"}
    return {
        "subjects": list(STREAMS[name]),
        "discard": DiscardPolicy.NEW,
        "max_msg_size": MAX_EVENT_BYTES + HEADER_BYTES if bounded else -1,
    } | _FINAL.get(name, {})


def _filter(durable: Durable) -> dict[str, Any]:
    return {
        "filter_subjects": list(durable.subjects),
        "ack_policy": AckPolicy.EXPLICIT,
        "max_deliver": durable.max_deliver,
    }


async def _ensure_stream(js: JetStreamContext, name: StreamName, given: Mapping[str, Any]) -> None:
    try:
        present = (await js.stream_info(name)).config
    except NotFoundError:
        try:
            # The server takes an equal configuration twice, so two processes may both be here.
            await js.add_stream(stream_config(name).evolve(**given))
        except APIError as error:
            if error.err_code != OTHERWISE_IN_USE:
                raise
            present = (await js.stream_info(name)).config  # another process was first, with other limits
        else:
            return
    if (wanted := present.evolve(**_structure(name), **given)) != present:
        await js.update_stream(wanted)


async def _ensure_durable(js: JetStreamContext, durable: Durable) -> None:
    try:
        present = (await js.consumer_info(durable.stream, durable.name)).config
    except NotFoundError:
        await js.add_consumer(durable.stream, durable_config(durable))
        return
    if (wanted := present.evolve(**_filter(durable))) != present:
        await js.add_consumer(durable.stream, wanted)


async def _ensure_bucket(js: JetStreamContext, name: str, replicas: int | None) -> None:
    try:
        present = (await (await js.key_value(name)).status()).stream_info.config
    except BucketNotFoundError:
        await js.create_key_value(bucket_config(name).evolve(replicas=replicas or 1))
        return
    if replicas is not None and present.num_replicas != replicas:
        await js.update_stream(present.evolve(num_replicas=replicas))
