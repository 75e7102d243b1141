"""Taking one person out of the table: rows written anew without them, then the files that held them deleted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types

from oo.offline.claim import CLAIM, Claim, retried
from oo.offline.events_table import EventsTable
from oo.offline.predicates import PersonsRows

At = Callable[[int | None], EventsTable]
"""Opens a version, the latest when None."""
Progress = Callable[[int, int], None]
_ATTEMPTS = 50
"""How often a day is tried; each failure is an append that came between."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was found, and what was done about it."""

    rows: int = 0
    """Of the latest version."""
    blanked: int = 0
    files: int = 0
    """On disk, needed by the latest version no more."""
    deleted: int = 0
    snapshots: tuple[tuple[str, int], ...] = ()
    """Each named version that such a file belonged to, with how many of the rows it held; its name is dropped."""
    unreadable: int = 0
    """Files that are no whole ones and too young to be left over from a crash: somebody is writing them."""


def erase(at: At, rows: PersonsRows, *, clock: Callable[[], datetime], dry_run: bool, progress: Progress) -> Erasure:
    """Blank these rows in every day that has some, and delete every file that still holds one.

    It may be killed at any moment and be run again. What nobody has named and the latest version does not need is
    deleted at once, so a reader that is at work on such a file gets an error.

    Args:
        at: opens the table.
        rows: whose, until when.
        clock: the moment, in UTC.
        dry_run: only look.
        progress: told how many days and files are done, of how many.

    Raises:
        OfflineStoreFailed: a compaction is at work, or was killed within the last `CLAIM`.
    """

    def latest() -> EventsTable:
        return at(None)

    days = latest().days_of(rows)
    blanked = 0
    if not dry_run and days:
        with Claim(latest, clock) as claim:
            for done, day in enumerate(days):
                progress(done, len(days))
                claim.renew()
                blanked += retried(lambda day=day: latest().blank(rows, day), _ATTEMPTS)  # type: ignore[misc]  # the day of now
    holding, unreadable = _holding(latest(), rows, clock() - CLAIM, progress)
    needed = latest().paths()
    needless = holding if dry_run else {path: n for path, n in holding.items() if path not in needed}
    snapshots = tuple(_held_by_names(at, needless))
    deleted = 0
    if not dry_run:
        for name, _ in snapshots:
            retried(lambda name=name: latest().drop(name), _ATTEMPTS)  # type: ignore[misc]  # the name of now
        for path in needless:
            latest().delete_file(path)
            deleted += 1
    return Erasure(
        rows=sum(days.values()),
        blanked=blanked,
        files=len(needless.keys() - needed),
        deleted=deleted,
        snapshots=snapshots,
        unreadable=unreadable,
    )


def _holding(table: EventsTable, rows: PersonsRows, old: datetime, progress: Progress) -> tuple[dict[str, int], int]:
    """Every file that exists and holds such rows, with how many, and the number of those that cannot be told.

    Half a file that is old was left by a crash: whose rows it holds nobody can tell, and nobody needs them.
    """
    holding: dict[str, int] = {}
    unreadable = 0
    files = table.files_on_disk()
    for done, file in enumerate(files):
        progress(done, len(files))
        try:
            held = table.count_in(file.path, rows)
        except FileNotFoundError:  # a compaction has just deleted it
            continue
        except pa.ArrowInvalid:
            held = int(file.mtime < old)
            unreadable += not held
        if held:
            holding[file.path] = held
    progress(len(files), len(files))
    return holding, unreadable


def _held_by_names(at: At, needless: Mapping[str, int]) -> list[tuple[str, int]]:
    return [
        (snapshot.name, sum(needless[path] for path in shared))
        for snapshot in (at(None).snapshots() if needless else ())
        if (shared := at(snapshot.version).paths() & needless.keys())
    ]
