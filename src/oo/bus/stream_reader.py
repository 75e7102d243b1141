"""Reading a stream from its first message to its last, past all durables."""

from collections.abc import AsyncIterator, Callable

from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from oo.bus.pull import Pull

_BATCH = 500
_SECONDS = 1.0


async def messages(
    js: JetStreamContext,
    stream: str,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
    *,
    subject: str | None = None,
    headers_only: bool = False,
) -> AsyncIterator[Msg]:
    """Every message that the stream holds now, oldest first; it leaves no consumer behind.

    Args:
        js: where the stream is.
        stream: which.
        progress: told how many were read, of how many.
        subject: those on this one alone.
        headers_only: without their data.

    Raises:
        BusUnreachable: the server said nothing to a fetch.
        nats.errors.Error: it did not answer another request.
    """
    reading = ConsumerConfig(
        filter_subject=subject,
        headers_only=headers_only,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=60.0,
        mem_storage=True,
    )
    info = await js.add_consumer(stream, reading)
    pull = await Pull.open(js._nc, stream, info.name)  # noqa: SLF001  # the context has no public way to its connection
    left, read = info.num_pending or 0, 0
    try:
        while read < left:
            batch = await pull.fetch(_BATCH, _SECONDS)
            for message in batch:
                yield message
            read += len(batch)
            progress(min(read, left), left)
            if not batch and not (await js.consumer_info(stream, info.name)).num_pending:
                break  # the rest was deleted or grew too old meanwhile
    finally:
        await pull.close()
        await js.delete_consumer(stream, info.name)
