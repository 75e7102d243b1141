"""The command line: each command decodes, makes one library call and prints.

Imports stand inside the commands where they are slow: `oo --help` must not wait for MLflow.
"""

import typer

from oo.cli import (
    bus,
    cards,
    decisions,
    erasure,
    generate,
    letters,
    models,
    offline,
    pipelines,
    profile,
    prompts,
    rollouts,
    stack,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="oO decides which short tip a person sees, and learns from what they do with it.",
)
# In the order in which `oo --help` shows them.
app.command()(stack.up)
app.command()(stack.down)
app.command()(stack.status)
app.command()(stack.logs)
app.command()(stack.bootstrap)
app.command()(generate.generate)
app.command()(erasure.forget)
app.command()(decisions.rewards)
app.add_typer(bus.app, name="bus")
app.add_typer(cards.app, name="card")
app.add_typer(decisions.app, name="decision")
app.add_typer(letters.app, name="dlq")
app.add_typer(models.app, name="model")
app.add_typer(offline.app, name="offline")
app.add_typer(pipelines.app, name="pipeline")
app.add_typer(profile.app, name="profile")
app.add_typer(prompts.app, name="prompt")
app.add_typer(rollouts.app, name="rollout")
