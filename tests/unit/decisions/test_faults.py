from uuid import UUID

from oo.decisions.faults import NO_FAULTS, Faults
from oo.errors import RehearsedFault

DECISIONS = [str(UUID(int=n)) for n in range(2_000)]


async def _failing(faults: Faults) -> set[str]:
    failed = set()
    for decision in DECISIONS:
        try:
            await faults.strike(decision)
        except RehearsedFault:
            failed.add(decision)
    return failed


async def test_the_share_that_is_asked_for_fails_and_each_time_the_same_decisions() -> None:
    failed = await _failing(Faults(errors_percent=10))
    assert 0.08 < len(failed) / len(DECISIONS) < 0.12
    assert await _failing(Faults(errors_percent=10)) == failed
    assert failed < await _failing(Faults(errors_percent=20))


async def test_none_or_all_may_fail() -> None:
    assert await _failing(NO_FAULTS) == set()
    assert await _failing(Faults(errors_percent=100)) == set(DECISIONS)
