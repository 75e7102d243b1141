"""The commands for the offline store."""

import asyncio
from datetime import timedelta
from typing import Annotated

import typer

from oo.cli.surroundings import err, out, pipeline_settings, telling_errors
from oo.printing import columns, compaction_lines, continuity_lines, progress_bar

app = typer.Typer(no_args_is_help=True, help="Keep, check and pin the offline store.")


@app.command("compact")
def compact_offline_store(
    *,
    older_than: Annotated[
        int, typer.Option(min=1, max=48, help="Hours for which versions without a name can still be read.")
    ] = 24,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
) -> None:
    """Merge small files, delete what no version needs that is named or younger, and cut the table's log.

    Safe while the archive writes. To be run regularly: at 10,000 commits since the last run appends become slower.
    """
    from oo.offline.store import OfflineStore
    from oo.wiring.process import now

    with telling_errors(), progress_bar(err, "days") as progress:
        begun = now()
        done = OfflineStore(pipeline_settings().offline_store).compact(
            older_than=timedelta(hours=older_than), clock=now, dry_run=dry_run, progress=progress
        )
        seconds = (now() - begun).total_seconds()
    for line in compaction_lines(done, seconds, dry_run=dry_run):
        out.print(line, highlight=False)


@app.command("verify")
def verify_offline_store(
    stream: Annotated[str | None, typer.Option(help="One stream only: SIGNALS, FEEDBACK or DECISIONS.")] = None,
) -> None:
    """Prove that the table holds each sequence of the streams once, as far as the archive acknowledged them.

    Exits with 1 after naming the sequences, when one is there twice or is nowhere: neither in the table nor rejected
    nor deleted in its stream.
    """
    from oo.offline.stream_account import ARCHIVED_STREAMS
    from oo.wiring.offline import verified

    streams = [name for name in ARCHIVED_STREAMS if stream in {None, name}]
    if not streams:
        raise typer.BadParameter(f"choose one of {', '.join(ARCHIVED_STREAMS)}")

    async def run() -> bool:
        proven = True
        async for found in verified(pipeline_settings(), streams):
            proven = proven and found.proven
            for line in continuity_lines(found):
                out.print(line, highlight=False, soft_wrap=True)
        return proven

    with telling_errors():
        if not asyncio.run(run()):
            raise typer.Exit(1)


@app.command("snapshot")
def snapshot_offline_store(
    name: Annotated[str, typer.Argument(help="Such as before-the-holidays.")],
    *,
    drop: Annotated[bool, typer.Option("--drop", help="Forget the name; compaction then deletes its files.")] = False,
) -> None:
    """Name the table's latest version, which from then on stays readable.

    oo pipeline run train tips@1 --snapshot NAME
    """
    from oo.offline.store import OfflineStore
    from oo.wiring.process import now

    with telling_errors():
        store = OfflineStore(pipeline_settings().offline_store)
        if drop:
            store.drop_snapshot(name)
            out.print(f"{name} is forgotten", highlight=False)
        else:
            taken = store.take_snapshot(name, now())
            out.print(f"{taken.name} is version {taken.version}", highlight=False)


@app.command("snapshots")
def list_snapshots() -> None:
    """Print the named versions, oldest first."""
    from oo.offline.store import OfflineStore

    table = columns("name", "version", "named at (UTC)")
    with telling_errors():
        for snapshot in OfflineStore(pipeline_settings().offline_store).snapshots():
            table.add_row(snapshot.name, f"{snapshot.version}", f"{snapshot.named_at:%Y-%m-%d %H:%M:%S}")
    out.print(table)
