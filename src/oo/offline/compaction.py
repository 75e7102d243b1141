"""Keeping the table small: files merged, needless ones deleted, the log cut."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from oo.offline.claim import Claim, retried
from oo.offline.events_table import EventsTable


@dataclass(frozen=True, slots=True)
class Compaction:
    """What was done, or in a dry run would be."""

    files_before: int
    files_after: int
    """None were deleted by the merging itself: a reader of an older version still needs them."""
    bytes_before: int
    bytes_after: int
    """As before in a dry run, which does not know."""
    deleted: int
    """Files that no reader needs any more, on disk."""
    log_files: int
    """Of the transaction log, which only forgotten versions needed."""


def compact(
    latest: Callable[[], EventsTable],
    *,
    older_than: timedelta,
    clock: Callable[[], datetime],
    dry_run: bool,
    progress: Callable[[int, int], None],
) -> Compaction:
    """Merge the small files of each day and type, then delete what only versions older than `older_than` need.

    It may run while the archive appends, and may be killed at any moment. A day is a commit of its own. Named versions
    keep their files; of others those younger than `older_than` can still be read.

    Args:
        latest: opens the table.
        older_than: at least as long as the longest reader works; whole hours, at most `LONGEST_RETENTION`.
        clock: the moment, in UTC.
        dry_run: only tell.
        progress: told how many days are done, of how many.

    Raises:
        OfflineStoreFailed: another compaction is at work, or was killed within the last `CLAIM`.
    """
    before = latest().files()
    small = Counter((file.day, file.event_type) for file in before if file.small)
    mergeable = {partition: files for partition, files in small.items() if files > 1}
    if mergeable and not dry_run:
        _merge(latest, sorted({day for day, _ in mergeable}), clock, progress)
    after = latest().files()
    return Compaction(
        files_before=len(before),
        files_after=len(before) - sum(mergeable.values()) + len(mergeable) if dry_run else len(after),
        bytes_before=sum(file.bytes for file in before),
        bytes_after=sum(file.bytes for file in after),
        deleted=retried(lambda: latest().vacuum(older_than, dry_run=dry_run)),
        log_files=latest().trim_log(clock() - older_than, dry_run=dry_run),
    )


def _merge(
    latest: Callable[[], EventsTable],
    days: Sequence[date],
    clock: Callable[[], datetime],
    progress: Callable[[int, int], None],
) -> None:
    with Claim(latest, clock) as claim:
        for done, day in enumerate(days):
            progress(done, len(days))
            claim.renew()
            latest().compact(day)
        progress(len(days), len(days))
