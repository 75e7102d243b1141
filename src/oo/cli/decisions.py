"""The commands for what was decided and what it earned."""

import asyncio
from typing import Annotated

import typer

from oo.cli.surroundings import out, pipeline_settings, telling_errors
from oo.printing import columns, lineage_tree, rate

app = typer.Typer(no_args_is_help=True, help="Follow one decision.")


def rewards(
    by: Annotated[str, typer.Argument(help="tenant, policy, model, prompt_version or variant.")] = "policy",
    tenant: Annotated[str | None, typer.Option(help="One tenant only.")] = None,
) -> None:
    """Print the reward rate of each group with its 95 % interval, from exposures whose window is over."""
    from oo.rewards import database, queries
    from oo.wiring.process import now

    if by not in queries.GROUPINGS:
        raise typer.BadParameter(f"choose one of {', '.join(queries.GROUPINGS)}")
    with telling_errors():
        engine = database.connect(pipeline_settings().tip_scores_url)
        table = columns(by, "exposures", "rewards", "rate", "95 % interval")
        for group in queries.reward_rates(engine, by, now(), tenant):
            earned = rate(group.reward_sum, group.exposures)
            table.add_row("@".join(group.group), f"{group.exposures}", f"{group.reward_sum:.0f}", *earned)
    out.print(table)


@app.command("show")
def show_decision(
    decision_id: Annotated[str, typer.Argument(help="As /score or /generate answered it.")],
    tenant: Annotated[str | None, typer.Option(help="Needed when several tenants used this id.")] = None,
) -> None:
    """Print the path of one decision link by link, and make it again from its record."""
    from oo.wiring.lineage import tracing

    async def run() -> None:
        async with tracing(pipeline_settings()) as tracer:
            out.print(lineage_tree(await tracer.trace(decision_id, tenant)), highlight=False)

    with telling_errors():
        asyncio.run(run())
