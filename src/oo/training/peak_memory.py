"""What this process has needed of memory at most."""

import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_mib() -> float:
    """The largest resident memory that this process has had so far, in MiB."""
    if not _STATUS.exists():  # macOS, where it is in bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    # On Linux `getrusage` would tell no less than what the parent held when it began this process.
    (high_water,) = (line for line in _STATUS.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
    return int(high_water.split()[1]) / 1024
