"""Waiting until what was in hand when the tombstone was laid has had its effect."""

import asyncio
from collections.abc import Sequence

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from oo.bus.tombstones import Person
from oo.erasure.place import Progress
from oo.errors import BusUnreachable, ErasureUnfinished
from oo.events.subjects import Durable

_PAUSE = 0.2


async def settle(
    js: JetStreamContext, durables: Sequence[Durable], person: Person, patience: float, progress: Progress
) -> None:
    """Return once every delivery that was made before has left its consumer.

    Later ones are judged by the tombstone, so from then on no sink takes anything of the person. It has to come before
    a message is deleted: the server forgets a delivery whose message is gone, whatever its consumer still does with it.

    Raises:
        ErasureUnfinished: some did not leave within `patience` seconds; says of which durables.
        BusUnreachable: the server did not answer.
    """
    try:
        waiting = {durable: (await _deliveries(js, durable))[0] for durable in durables}
        of = len(waiting)
        async with asyncio.timeout(patience):
            while True:
                for durable, made in list(waiting.items()):
                    if (await _deliveries(js, durable))[1] >= made:
                        del waiting[durable]
                progress(of - len(waiting), of)
                if not waiting:
                    return
                await asyncio.sleep(_PAUSE)
    except NatsError as error:
        raise _silent(error) from error
    except TimeoutError as error:
        names = ", ".join(durable.name for durable in waiting)
        raise ErasureUnfinished(
            f"deliveries from before the erasure are still in hand at {names}; is that consumer running? From now on"
            f" nothing new of this person in {person.tenant_id} has an effect, but nothing was removed yet."
            " Start the consumer and run it again"
        ) from error
    except OSError as error:
        raise _silent(error) from error


def _silent(error: Exception) -> BusUnreachable:
    return BusUnreachable(f"the durables did not tell of their deliveries ({error!r}); run it again")


async def _deliveries(js: JetStreamContext, durable: Durable) -> tuple[int, int]:
    """How many deliveries were made, and through which all have left."""
    try:
        info = await js.consumer_info(durable.stream, durable.name)
    except NotFoundError:  # nobody reads by it
        return 0, 0
    made = info.delivered.consumer_seq if info.delivered else 0
    left = made if not info.num_ack_pending else info.ack_floor.consumer_seq if info.ack_floor else 0
    return made, left
