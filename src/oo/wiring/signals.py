from collections.abc import Callable
from random import Random

from oo.bus.handling import Apply
from oo.bus.streams import FEATURES_BUCKET
from oo.features.nats_online_store import NatsOnlineStore
from oo.features.online_store import OnlineStore
from oo.settings import ConsumerSettings
from oo.wiring.process import consume, on_the_bus


async def run(settings: ConsumerSettings, folding: Callable[[OnlineStore], Apply]) -> None:
    """Consume signals until the process is told to stop."""
    async with on_the_bus(settings, "oo-signals") as jetstream:
        bucket = await jetstream.key_value(FEATURES_BUCKET)
        store = NatsOnlineStore(bucket, Random())  # noqa: S311  # spreads retries, keeps no secret
        await consume(jetstream, "signals", folding(store), settings)
