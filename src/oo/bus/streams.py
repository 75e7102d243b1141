"""Streams, durables and buckets as the table in oo.events.subjects declares them."""

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, KeyValueConfig, StorageType, StreamConfig
from nats.js.errors import BucketNotFoundError, NotFoundError

from oo.events.subjects import DURABLES, STREAMS, Durable, StreamName

MAX_EVENT_BYTES = 1_000_000
"""The largest event. A message with its headers must stay below the server's `max_payload`, 1 MiB unless configured,
and what is stored must fit once more with the headers of a dead letter: so the streams refuse what is larger."""
HEADER_BYTES = 4_096
"""Room for the headers that a producer adds."""
DEDUPE_SECONDS = 600
"""An event id published again within this time is stored once. Sinks keep their own keys for later repeats."""
ACK_WAIT = 30.0
"""Seconds after which a delivery that left by no door is delivered again."""
MAX_ACK_PENDING = 1_000
"""Deliveries of a durable that may be under way at once, naks that wait for their delay among them."""
FEATURES_BUCKET = "features"
POLICY_STATE_BUCKET = "policy_state"


async def ensure(js: JetStreamContext) -> None:
    """Create what is missing and bring what we own up to date; may run in several processes at once.

    What an operator set beside it stays: replicas and retention limits of a stream, ack wait and pending of a durable.

    Raises:
        nats.js.errors.APIError: the server refused, such as for a subject that another stream holds.
        nats.errors.TimeoutError: JetStream did not answer.
    """
    for stream, subjects in STREAMS.items():
        await _ensure_stream(js, stream, subjects)
    for durable in DURABLES:
        await _ensure_durable(js, durable)
    for bucket in (FEATURES_BUCKET, POLICY_STATE_BUCKET):
        await _ensure_bucket(js, bucket)


async def _ensure_stream(js: JetStreamContext, name: StreamName, subjects: tuple[str, ...]) -> None:
    ours = {
        "subjects": list(subjects),
        "duplicate_window": float(DEDUPE_SECONDS),
        # A dead letter is an event with more headers.
        "max_msg_size": -1 if name == "DLQ" else MAX_EVENT_BYTES + HEADER_BYTES,
    }
    try:
        present = (await js.stream_info(name)).config
    except NotFoundError:
        # The server takes an equal configuration twice, so two processes may both be here.
        await js.add_stream(StreamConfig(name=name, storage=StorageType.FILE).evolve(**ours))
        return
    if (wanted := present.evolve(**ours)) != present:
        await js.update_stream(wanted)


async def _ensure_durable(js: JetStreamContext, durable: Durable) -> None:
    ours = {"filter_subjects": list(durable.subjects), "ack_policy": AckPolicy.EXPLICIT, "max_deliver": -1}
    try:
        present = (await js.consumer_info(durable.stream, durable.name)).config
    except NotFoundError:
        fresh = ConsumerConfig(durable_name=durable.name, ack_wait=ACK_WAIT, max_ack_pending=MAX_ACK_PENDING)
        await js.add_consumer(durable.stream, fresh.evolve(**ours))
        return
    if (wanted := present.evolve(**ours)) != present:
        await js.add_consumer(durable.stream, wanted)


async def _ensure_bucket(js: JetStreamContext, name: str) -> None:
    try:
        await js.key_value(name)
    except BucketNotFoundError:
        # Direct: any replica answers a read, without the API's JSON; compare-and-set sees what a stale read missed.
        await js.create_key_value(KeyValueConfig(bucket=name, storage=StorageType.FILE, direct=True))
