from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from oo import catalog as catalogs
from oo.bus.dead_letter_box import DeadLetterBox
from oo.bus.dead_letters import Letter
from oo.bus.delivery import Reject
from oo.bus.routing import decode_or_reject
from oo.catalog import Catalog
from oo.errors import UnknownTenant
from oo.settings import PipelineSettings
from oo.wiring.process import connected


@asynccontextmanager
async def dead_letters(settings: PipelineSettings) -> AsyncIterator[DeadLetterBox]:
    """The dead letters of a running stack.

    Raises:
        BusUnreachable: no NATS server answered.
    """

    @cache
    def catalog() -> Catalog:  # read when a letter asks for it: the list needs none
        return catalogs.load(settings.catalog)

    def judge(letter: Letter) -> Reject | None:
        found = decode_or_reject(letter.original)
        if isinstance(found, Reject):
            return found
        if letter.consumer == "rewards":
            try:
                catalog().tenant(found.tenant_id)
            except UnknownTenant as error:
                return Reject("unknown_tenant", str(error))
        return None

    connection = await connected(settings, "oo-dlq")
    try:
        yield DeadLetterBox(connection.jetstream(), judge)
    finally:
        await connection.close()
