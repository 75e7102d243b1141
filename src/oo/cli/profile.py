"""The commands for profile features."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from oo.cli.surroundings import err, out
from oo.errors import UnreadableRegistry
from oo.printing import columns

app = typer.Typer(no_args_is_help=True, help="See the profile features, and check a TypeScript registry of them.")


@app.command("show")
def show_profile() -> None:
    """Print the profile features that a caller may send: the schema that is checked."""
    from oo.features.profile_schema import PROFILE_SCHEMA, nullness

    table = columns("name", "dtype", "null", "unit", "meaning")
    table.columns[-1].no_wrap = False
    for feature in PROFILE_SCHEMA:
        null = nullness(nullable=feature.nullable)
        table.add_row(feature.name, feature.dtype, null, feature.unit, feature.meaning)
    out.print(table)


@app.command("check")
def check_profile(
    path: Annotated[Path, typer.Argument(help="A .ts, .mts, .cts or .tsx file; it is read, never run.")],
    export: Annotated[
        str | None, typer.Option(help="The declaration to read, when several look like the registry.")
    ] = None,
) -> None:
    """Compare the profile registry in a TypeScript file with the product's schema, and name what differs.

    Names are those on the wire. This agrees about one feature:

      export const PROFILE_FEATURES = {
        tip_volume: { dtype: "float64", nullable: false, unit: "tips per week" },
      } as const;

    So do a list with `name: "tip_volume"`, a Map, an interface (`tip_volume: number`), a class, a zod object.

    `number` cannot tell float64 from int64 and is accepted for both. Units are compared where the registry says any.
    A call around the registry, as in defineRegistry({…}), is taken to hand back what it is given.

    Exits with 0 when all agree, with 1 after a line for each difference, with 2 when the file cannot be understood.
    """
    from oo.features.profile_check import differences

    try:
        from oo.features.typescript.registry import read as read_registry
    except ModuleNotFoundError as error:
        err.print(f"{error.name} is not installed; pip install 'oo-ml\\[profile]'", style="red", highlight=False)
        raise typer.Exit(2) from error
    try:
        registry = read_registry(path, export)
    except UnreadableRegistry as error:
        err.print(escape(str(error)), style="red", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error
    found = differences(registry.features)
    for line in found:
        out.print(escape(line), highlight=False, soft_wrap=True)
    if found:
        raise typer.Exit(1)
    out.print(f"{len(registry.features)} features agree: {registry.name} in {path}", highlight=False, soft_wrap=True)
