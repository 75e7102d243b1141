"""The commands for models, registered and to be trained."""

from typing import Annotated

import typer
from rich.markup import escape

from oo.cli.surroundings import err, out, pipeline_settings, telling_errors
from oo.errors import UnknownModel
from oo.printing import columns

app = typer.Typer(no_args_is_help=True, help="See the registered models.")


@app.command("list")
def list_models() -> None:
    """Print every model version with its aliases."""
    from oo import catalog as catalogs
    from oo.registry.mlflow_registry import MlflowRegistry
    from oo.registry.registry import ALIASES

    with telling_errors():
        settings = pipeline_settings()
        registry = MlflowRegistry(settings.mlflow_url)
        table = columns("model", "version", "feature service", "digest", "is")
        for service in catalogs.load(settings.catalog).feature_services:
            aliases = {alias: registry.by_alias(service.model, alias) for alias in ALIASES}
            for version in registry.versions(service.model):
                names = ", ".join(alias for alias, named in aliases.items() if named == version)
                table.add_row(version.name, str(version.version), version.feature_service, version.digest[:12], names)
    out.print(table)


@app.command("card")
def write_card(name: Annotated[str, typer.Argument(help="A trained model, such as digits.")]) -> None:
    """Renew the facts of model_cards/NAME.md from the newest challenger; what people wrote around them stays."""
    from oo.local.settings import PROJECT_DIR
    from oo.registry import model_card
    from oo.registry.mlflow_registry import MlflowRegistry
    from oo.training.challenge import MODEL_CARD

    with telling_errors():
        registry = MlflowRegistry(pipeline_settings().mlflow_url)
        versions = registry.versions(name)
        if not versions:
            raise UnknownModel(f"the registry has no model {name!r}; `oo model list` shows those that it has")
        card = registry.read_file(versions[-1], MODEL_CARD).decode()
        path = PROJECT_DIR / "model_cards" / f"{name}.md"
        model_card.write(path, name, model_card.facts_of(card))
    out.print(f"{path}: {name} {versions[-1].version}", highlight=False)


def train(
    feature_service: Annotated[str, typer.Argument(help="Such as tips@1.")],
    snapshot: Annotated[
        str | None, typer.Option(help="Learn from this snapshot of the offline store, as of its moment.")
    ] = None,
) -> None:
    """Train a challenger on what was decided and rewarded, judge it, and promote it when it beats the champion."""
    from oo.offline.store import OfflineStore
    from oo.wiring.process import now
    from pipelines.train import run_locally

    with telling_errors(), err.status(f"pipeline trains {feature_service}"):
        settings = pipeline_settings()
        pinned = OfflineStore(settings.offline_store).snapshot(snapshot) if snapshot is not None else None
        as_of = pinned.named_at if pinned else now()
        version = pinned.version if pinned else None
        outcome = run_locally(settings, feature_service, as_of=as_of, seed=0, table_version=version)
    for sentence in outcome.sentences:
        out.print(escape(sentence), highlight=False)
