"""What a service asks of a request before it decides anything."""

from dataclasses import dataclass

from oo.access.callers import Callers
from oo.access.limits import TenantLimits


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask a service, and how much."""

    callers: Callers
    limits: TenantLimits
