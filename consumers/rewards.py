"""`python -m consumers.rewards`: joins decisions with what became of them, and passes on what policies learn."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from oo.bus.delivery import Acknowledge, Delivery, Door, Reject
from oo.bus.handling import Apply
from oo.catalog import Catalog
from oo.errors import SinkUnavailable, UnknownTenant
from oo.events.envelope import Envelope
from oo.rewards import database, join
from oo.settings import RewardsSettings, read
from oo.wiring.rewards import run


def joining(engine: Engine, catalog: Catalog) -> Apply:
    """Join the events; while the database fails, they wait.

    One whose tenant no catalog file declares is rejected, since its window is not known.
    """

    async def apply(events: Sequence[tuple[Delivery, Envelope]]) -> Sequence[Door]:
        doors = [_door(envelope, catalog) for _, envelope in events]
        accepted = [envelope for (_, envelope), door in zip(events, doors, strict=True) if door == Acknowledge()]
        try:
            await asyncio.to_thread(join.apply, engine, accepted, lambda tenant: catalog.tenant(tenant).reward_window)
        except DBAPIError as error:
            if not database.is_outage(error):
                raise
            raise SinkUnavailable(
                f"database of tip_scores: {error.orig}; is it running, writable and with room?"
            ) from error
        return doors

    return apply


def _door(envelope: Envelope, catalog: Catalog) -> Door:
    try:
        catalog.tenant(envelope.tenant_id)
    except UnknownTenant as error:
        return Reject("unknown_tenant", str(error))
    return Acknowledge()


if __name__ == "__main__":
    asyncio.run(run(read(RewardsSettings), joining))
