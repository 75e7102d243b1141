"""Services that ask nobody who they are."""

from oo.access.access import Access
from oo.access.callers import Anyone
from oo.access.limits import TenantLimits


def anyone() -> Access:
    """Anyone may ask, as often as they like."""
    return Access(Anyone(), TenantLimits(None, None))
