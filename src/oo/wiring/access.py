from pathlib import Path

from oo.access.access import Access
from oo.access.callers import Anyone, CallersFile
from oo.access.limits import TenantLimits
from oo.settings import AccessSettings, read


def access() -> Access:
    """Who may ask this process and how much, as its environment says.

    Raises:
        InvalidSettings: it does not say who, or the callers file cannot be read.
    """
    settings = read(AccessSettings)
    return Access(
        CallersFile(settings.callers) if isinstance(settings.callers, Path) else Anyone(),
        TenantLimits(settings.tenant_requests_per_second, settings.tenant_concurrency),
    )
