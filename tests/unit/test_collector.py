import asyncio
import gc
import subprocess
import sys
from collections.abc import AsyncIterator
from weakref import ref

import pytest

from oo.collector import collecting_between_steps

FEW = 100
FINALIZER_SETS_A_VARIABLE = """
import asyncio, gc
from contextvars import ContextVar
from random import Random

from oo.collector import collecting_between_steps

VARIABLES = [ContextVar(str(number)) for number in range(40)]

class Cycle:
    def __init__(self):
        self.itself = self

    def __del__(self):
        for variable in VARIABLES:
            variable.set([self])

async def main(draw=Random(1)):
    with collecting_between_steps(young=10):
        for number in range(20_000):
            Cycle()
            gc.set_threshold(gc.get_count()[0] + draw.randrange(4))
            VARIABLES[number % 40].set(number)
            if number % 100 == 0:
                await asyncio.sleep(0)

asyncio.run(main())
"""


class Cycle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
async def between_steps(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr("oo.collector.LOOK_SECONDS", 0)
    with collecting_between_steps(young=FEW):
        yield


async def _gone(cycle: ref[Cycle]) -> None:
    async with asyncio.timeout(30):
        while cycle():  # noqa: ASYNC110  # a finalizer that tells would be part of what is tested
            await asyncio.sleep(0)


async def _steps_until_the_old_is_gone() -> int:
    old = Cycle()
    gc.collect()  # it is of the oldest generation now
    left = ref(old)
    del old
    kept: list[list[list[int]]] = []
    async with asyncio.timeout(30):
        while left():
            kept.append([[] for _ in range(2 * FEW)])
            await asyncio.sleep(0)
    return len(kept)


@pytest.mark.usefixtures("between_steps")
async def test_no_step_is_interrupted_and_what_it_leaves_is_collected_after_it() -> None:
    cycles = [ref(Cycle()) for _ in range(20 * FEW)]
    assert all(cycle() for cycle in cycles)
    for cycle in cycles:
        await _gone(cycle)


@pytest.mark.usefixtures("between_steps")
async def test_what_has_grown_old_is_collected_too() -> None:
    assert await _steps_until_the_old_is_gone() > 0


async def test_fewer_collections_of_the_young_bring_those_of_the_old_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oo.collector.LOOK_SECONDS", 0)
    with collecting_between_steps(young=FEW, older=2):
        sooner = await _steps_until_the_old_is_gone()
    with collecting_between_steps(young=FEW, older=10):
        later = await _steps_until_the_old_is_gone()
    assert sooner < later


async def test_afterwards_the_collector_is_as_before() -> None:
    assert gc.isenabled()
    with collecting_between_steps():
        assert not gc.isenabled()
        with collecting_between_steps():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_a_finalizer_that_sets_a_context_variable_ends_no_process() -> None:
    """Without the `with` above, Python 3.11 ends with a segmentation fault here, or goes round for ever."""
    subprocess.run([sys.executable, "-c", FINALIZER_SETS_A_VARIABLE], check=True, timeout=60)  # noqa: S603
