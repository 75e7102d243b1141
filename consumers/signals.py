"""`python -m consumers.signals`: folds signals and integrations into the online store."""

import asyncio
from collections.abc import Sequence

from oo.bus.backoff import growing
from oo.bus.delivery import Acknowledge, Delivery, Door, RetryAfter
from oo.bus.handling import Apply
from oo.bus.outage import is_outage
from oo.errors import OnlineStoreUnavailable, SinkUnavailable
from oo.events.envelope import Envelope
from oo.features.folding import fold_batch
from oo.features.online_store import OnlineStore
from oo.settings import ConsumerSettings, read
from oo.wiring.signals import run


def folding(store: OnlineStore) -> Apply:
    """Fold each event into its person's document; while the store fails, they wait."""

    async def apply(events: Sequence[tuple[Delivery, Envelope]]) -> Sequence[Door]:
        outcomes = await fold_batch(store, [(delivery.sequence, envelope) for delivery, envelope in events])
        for failure in outcomes:
            if failure is not None and is_outage(failure.__cause__):
                raise SinkUnavailable(str(failure)) from failure
        return [_door(delivery, failure) for (delivery, _), failure in zip(events, outcomes, strict=True)]

    return apply


def _door(delivery: Delivery, failure: OnlineStoreUnavailable | None) -> Door:
    if failure is None:
        return Acknowledge()
    return RetryAfter(growing(delivery.delivered), "its person's document cannot be changed", type(failure).__name__)


if __name__ == "__main__":
    asyncio.run(run(read(ConsumerSettings), folding))
