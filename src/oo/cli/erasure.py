"""The command that erases a person."""

import asyncio
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError
from rich.markup import escape

from oo.cli.surroundings import err, out, pipeline_settings, telling_errors
from oo.events.json_types import Identifier
from oo.printing import erasure_table, step_bars

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from oo.erasure.forget import Forgetting, OnStep

T = TypeVar("T")


def _identifier(text: str) -> str:
    try:
        return TypeAdapter(Identifier).validate_python(text)
    except ValidationError:
        raise typer.BadParameter("an id has 1 to 256 characters, none of them NUL") from None


def forget(
    user: Annotated[
        str,
        typer.Argument(
            parser=_identifier,
            metavar="USER",
            help="The person's id, as events have it; after `--` if it begins with -.",
        ),
    ],
    *,
    tenant: Annotated[
        str | None,
        typer.Option(
            parser=_identifier,
            metavar="TENANT",
            help="Whose person it is; needed when the stores know this id in none or several.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is of the person.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not look and ask first.")] = False,
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds that consumers may take with what they have in hand.")
    ] = 60.0,
) -> None:
    """Erase a person everywhere, for good, and prove it by looking at everything once more.

    A tombstone is laid first: what happened to the person until this moment never has an effect again, whether it is
    delivered late, replayed or found among dead letters. It holds a digest of tenant and id, no name. What the person
    does afterwards counts as anybody's.

    Then they are removed from the online store, the streams and the dead letters (message by message, overwritten on
    the server's disk), tip_scores, the offline store (rows are written anew without id and payload, and the files that
    held them are deleted), training data sets, and the lists of rows beside models. A snapshot that needs such a file
    is dropped. The archive waits meanwhile; a reader that is at work on a deleted file gets an error and reads again.

    What stays: ids and times of events and decisions without a person; a late event's bytes in their stream, until
    its age; a deleted document's bytes on the server's disk, under a digest of the id, until it compacts that block;
    what models have learned, so each is named. Backups, and files of training on other machines, are not reached. A
    training that runs meanwhile may write the person down once more: run this again when it has ended.

    Exits with 0 when nothing is left, else with 1. It may be killed and run again at any time.
    """
    from oo.erasure.forget import Line
    from oo.wiring.erasure import erasure

    def run(work: "Callable[[Forgetting, OnStep], Awaitable[T]]") -> tuple[str, T]:
        async def within() -> tuple[str, T]:
            async with erasure(pipeline_settings(), user, tenant) as forgetting:
                with step_bars(err) as on_step:
                    return forgetting.person.tenant_id, await work(forgetting, on_step)

        with telling_errors():
            return asyncio.run(within())

    if dry_run or not yes:
        tenant, looked = run(lambda forgetting, on_step: forgetting.look(on_step))
        out.print(f"a person of {escape(tenant)}, as far as the stores know", highlight=False)
        out.print(erasure_table(Line(place.name, found.found, 0, found.found) for place, found in looked))
        for note in (note for _, found in looked for note in found.notes):
            out.print(escape(note), highlight=False, soft_wrap=True)
        if dry_run:
            return
        typer.confirm("forget this person for good?", abort=True, err=True)
    tenant, done = run(lambda forgetting, on_step: forgetting.forget(patience, on_step))
    out.print(f"a person of {escape(tenant)}, erased as of {done.erased_at:%Y-%m-%d %H:%M:%S} UTC", highlight=False)
    out.print(erasure_table(done.lines))
    for note in done.notes:
        out.print(escape(note), highlight=False, soft_wrap=True)
    if not done.proven:
        err.print("something is left; run it again", style="red", highlight=False)
        raise typer.Exit(1)
    out.print("nothing is left", highlight=False)
