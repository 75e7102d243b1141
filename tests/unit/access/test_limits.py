from contextlib import ExitStack

import pytest

from oo.access.limits import TenantLimits
from oo.errors import TooManyRequests, UnknownTenant


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def answered(limits: TenantLimits, tenant: str, times: int) -> int:
    """How many of so many requests, one after the other, found room."""
    found = 0
    for _ in range(times):
        try:
            with limits.room_for(tenant):
                found += 1
        except TooManyRequests:
            continue
    return found


def test_a_tenant_may_send_a_seconds_worth_at_once_and_then_as_many_as_the_time_brings(clock: Clock) -> None:
    limits = TenantLimits(4, None, clock)
    assert answered(limits, "a", 10) == 4
    clock.seconds += 0.5
    assert answered(limits, "a", 10) == 2
    clock.seconds += 3600
    assert answered(limits, "a", 10) == 4, "no more than a second's worth is saved"


def test_over_a_minute_a_tenant_gets_its_rate_however_often_it_asks(clock: Clock) -> None:
    limits, found = TenantLimits(3, None, clock), 0
    for _ in range(600):
        clock.seconds += 0.1
        found += answered(limits, "a", 2)
    assert 3 * 60 <= found <= 3 * 61


def test_a_rate_below_one_a_second_lets_the_first_request_in_and_says_when_the_next_may_come(clock: Clock) -> None:
    limits = TenantLimits(0.4, None, clock)
    assert answered(limits, "a", 1) == 1
    told = "tenant 'a' asks more than 0.4 times a second; ask again in 3 s"
    with pytest.raises(TooManyRequests, match=told) as over, limits.room_for("a"):
        pass
    assert over.value.seconds == 3
    clock.seconds += 3
    assert answered(limits, "a", 2) == 1


def test_a_tenant_has_only_so_many_requests_under_way_and_room_again_when_one_ends(clock: Clock) -> None:
    limits = TenantLimits(None, 2, clock)
    with ExitStack() as under_way:
        for _ in range(2):
            under_way.enter_context(limits.room_for("a"))
        with pytest.raises(TooManyRequests, match="2 requests under way") as over:
            under_way.enter_context(limits.room_for("a"))
        assert over.value.seconds == 1
    assert answered(limits, "a", 5) == 5


def test_a_request_that_fails_gives_its_room_back(clock: Clock) -> None:
    limits = TenantLimits(None, 1, clock)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), limits.room_for("a"):
            raise ZeroDivisionError
    assert answered(limits, "a", 1) == 1


def test_what_one_tenant_takes_is_not_taken_from_another(clock: Clock) -> None:
    limits = TenantLimits(2, 1, clock)
    assert answered(limits, "a", 5) == 2
    with limits.room_for("b"):
        assert answered(limits, "b", 1) == 0
        assert answered(limits, "c", 5) == 2


def test_without_limits_there_is_always_room(clock: Clock) -> None:
    assert answered(TenantLimits(None, None, clock), "a", 10_000) == 10_000


def test_names_that_are_made_up_leave_nothing_behind(clock: Clock) -> None:
    limits = TenantLimits(1, 1, clock)
    for n in range(1_000):
        with pytest.raises(UnknownTenant), limits.room_for(f"made-up-{n}"):
            raise UnknownTenant("in no catalog")
    assert "made-up" not in str(vars(limits))
