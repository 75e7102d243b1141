import asyncio
import logging
from collections.abc import Callable, Mapping

from nats.errors import Error as NatsError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from oo import catalog as catalogs
from oo.bus.handling import Apply
from oo.bus.streams import POLICY_STATE_BUCKET
from oo.catalog import Catalog
from oo.decisions.policy_states import PolicyStateWriter
from oo.rewards import database
from oo.rewards.policy_states import ArmTotals, PolicyKey, known_policies, policy_states
from oo.settings import RewardsSettings
from oo.wiring.process import consume, now, on_the_bus

_log = logging.getLogger(__name__)


async def run(settings: RewardsSettings, joining: Callable[[Engine, Catalog], Apply]) -> None:
    """Join rewards, and pass on what policies have learned, until the process is told to stop."""
    catalog = catalogs.load(settings.catalog)
    async with on_the_bus(settings, "oo-rewards") as jetstream:
        engine = await asyncio.to_thread(database.connect, settings.tip_scores_url)
        writer = PolicyStateWriter(await jetstream.key_value(POLICY_STATE_BUCKET))
        try:
            # Together or not at all: a process that joined and taught nobody would look healthy.
            async with asyncio.TaskGroup() as both:
                passing_on = both.create_task(_pass_on(engine, writer, settings.policy_state_seconds))
                # A batch is one transaction.
                await consume(
                    jetstream, "rewards", joining(engine, catalog), settings, fill_seconds=settings.batch_seconds
                )
                passing_on.cancel()
        finally:
            engine.dispose()


async def _pass_on(engine: Engine, writer: PolicyStateWriter, every_seconds: float) -> None:
    """Write every policy's state, again and again: windows close without an event."""

    def learned() -> Mapping[PolicyKey, Mapping[str, ArmTotals]]:
        return policy_states(engine, known_policies(engine), now())

    while True:
        try:
            await writer.write(await asyncio.to_thread(learned))
        except (DBAPIError, NatsError) as error:
            _log.warning("policy states not passed on", extra={"error": repr(error)})
        await asyncio.sleep(every_seconds)
