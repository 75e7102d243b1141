from nats.errors import Error as NatsError
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue
from pydantic import TypeAdapter, ValidationError

from oo.decisions.splits import split_key
from oo.errors import TrafficRefused
from oo.registry.history import Subject
from oo.rollout.traffic import Traffic

_TRAFFIC = TypeAdapter(Traffic)


class BusTraffic:
    """Moves the traffic of policies and prompts, which the services themselves split: see `oo.decisions.splits`.

    Args:
        bucket: the one that the services watch.
    """

    def __init__(self, bucket: KeyValue) -> None:
        self._bucket = bucket

    async def apply(self, traffic: Traffic) -> None:
        """As in `Actuator`: done when the bucket holds it. A service that the bus reaches hears it at once."""
        try:
            await self._bucket.put(split_key(traffic.subject), _TRAFFIC.dump_json(traffic))
        except (NatsError, OSError) as error:
            raise _silent(traffic.subject, error) from error

    async def current(self, subject: Subject) -> Traffic | None:
        """As in `Actuator`."""
        try:
            entry = await self._bucket.get(split_key(subject))
            return _TRAFFIC.validate_json(entry.value or b"")
        except (KeyNotFoundError, ValidationError):
            return None
        except (NatsError, OSError) as error:
            raise _silent(subject, error) from error


def _silent(subject: Subject, error: Exception) -> TrafficRefused:
    return TrafficRefused(
        f"the traffic of {subject} does not answer ({error!r}); is the NATS server running? `oo rollout settle` goes on"
    )
