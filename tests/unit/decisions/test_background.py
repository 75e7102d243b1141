import asyncio
import logging

import pytest
from prometheus_client import REGISTRY

from oo.decisions.background import Background
from oo.errors import TipCacheUnavailable


def dropped() -> float:
    return REGISTRY.get_sample_value("oo_background_dropped_total", {"work": "tests"}) or 0


async def test_work_goes_on_after_it_was_begun() -> None:
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    assert Background(1).start("tests", work())
    await asyncio.wait_for(done.wait(), 1)


async def test_what_comes_on_top_is_dropped_and_counted() -> None:
    background, hold, before = Background(2), asyncio.Event(), dropped()

    async def wait() -> None:
        await hold.wait()

    begun = [background.start("tests", wait()) for _ in range(5)]

    assert begun == [True, True, False, False, False]
    assert dropped() == before + 3
    hold.set()
    await background.finish(1)
    assert len(background) == 0
    assert background.start("tests", wait())
    await background.finish(1)


async def test_a_failure_is_told_in_one_line_and_takes_nothing_along(caplog: pytest.LogCaptureFixture) -> None:
    background = Background(2)

    async def fail() -> None:
        raise TipCacheUnavailable("tips x: away")

    with caplog.at_level(logging.WARNING):
        background.start("tests", fail())
        await background.finish(1)

    assert [record.getMessage() for record in caplog.records] == ["tests failed: tips x: away"]


async def test_the_end_waits_for_work_only_so_long() -> None:
    background, ended = Background(2), asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    background.start("tests", hang())
    await background.finish(0.01)

    assert ended.is_set()
    assert len(background) == 0
