"""How much a tenant may ask of one process."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from oo.errors import TooManyRequests, UnknownTenant


@dataclass(slots=True)
class _Use:
    """What one tenant takes."""

    saved: float
    """Requests that it may send at once; they grow with time, to a second's worth."""
    at: float
    """When that was reckoned."""
    under_way: int = 0


class TenantLimits:
    """Holds each tenant to its share, so that none takes the time of the others.

    Args:
        per_second: how many requests a second, a second's worth of them at once; None for any number.
        concurrency: how many at a time; None for any number.
        clock: seconds.
    """

    def __init__(
        self, per_second: float | None, concurrency: int | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = math.inf if per_second is None else per_second
        self._concurrency = math.inf if concurrency is None else concurrency
        self._most_saved = max(self._per_second, 1.0)
        self._clock = clock
        self._uses: dict[str, _Use] = {}

    @contextmanager
    def room_for(self, tenant: str) -> Iterator[None]:
        """Answer one request of this tenant inside.

        A tenant that turns out to be unknown is forgotten again, so memory does not grow with names that are made up.

        Raises:
            TooManyRequests: there is no room for it now; says when to ask again.
        """
        use = self._uses.get(tenant)
        if use is None:
            use = self._uses[tenant] = _Use(self._most_saved, self._clock())
        self._take(tenant, use)
        use.under_way += 1
        try:
            yield
        except UnknownTenant:
            self._uses.pop(tenant, None)
            raise
        finally:
            use.under_way -= 1

    def _take(self, tenant: str, use: _Use) -> None:
        if use.under_way >= self._concurrency:
            raise TooManyRequests(f"tenant {tenant!r} has {use.under_way} requests under way, its most at a time", 1)
        now = self._clock()
        # No time times no limit would be no number.
        grown = (now - use.at) * self._per_second if now > use.at else 0.0
        use.saved, use.at = min(use.saved + grown, self._most_saved), now
        if use.saved < 1:
            seconds = math.ceil((1 - use.saved) / self._per_second)
            raise TooManyRequests(f"tenant {tenant!r} asks more than {self._per_second:g} times a second", seconds)
        use.saved -= 1
