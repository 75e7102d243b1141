"""Where the training pipeline finds everything in a test: real stores, a real registry and a real history."""

import asyncio
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from mlflow import MlflowClient

from oo.bus import streams
from oo.bus.connection import connect
from oo.cards.card import Card
from oo.cards.facts import ModelFacts
from oo.cards.models import steps
from oo.registry.history import Recorded, Subject
from oo.registry.mlflow_registry import MlflowRegistry
from oo.registry.registry import ALIASES
from oo.settings import PipelineSettings
from oo.training.prior import bootstrap
from oo.training.registration import MANIFEST, MODEL_CARD, TRAINING_ROWS, VERDICT
from oo.wiring.history import history
from tests.integration.nats_server import NatsServer
from tests.mlflow_server import mlflow_server
from tests.training_data import CATALOG, SERVICE, START, World, digit_decisions

AS_OF = START + timedelta(days=1)
WORDS = "# digits\n\n## Owners\n\nUs.\n\n## Intended use\n\nTests.\n\n## Limits\n\nDigits.\n"
"""What people wrote on the model's card."""

State = dict[str, Any]


@contextmanager
def running_places(folder: Path) -> Iterator[PipelineSettings]:
    """The settings of servers that run and of stores that are still empty, all of it in `folder`."""
    catalog = folder / "catalog.yaml"
    catalog.write_text(yaml.safe_dump(CATALOG.model_dump(mode="json", exclude_none=True)))
    (folder / "digits.md").write_text(WORDS)
    server = NatsServer(folder / "jetstream", folder)
    server.start()
    try:
        asyncio.run(_with_streams(server.url))
        with mlflow_server(folder) as uri:
            yield PipelineSettings(
                nats_url=server.url,
                catalog=(catalog,),
                mlflow_url=uri,
                offline_store=str(folder / "offline"),
                tip_scores_url=f"sqlite:///{folder / 'tip_scores.db'}",
                pipeline_root=folder / "runs",
                model_cards=folder,
            )
    finally:
        server.stop()


@contextmanager
def digits_told(settings: PipelineSettings, decisions: int) -> Iterator[World]:
    """The stores at these places once so many decisions on digits were told to them."""
    world = World.in_folder(Path(settings.offline_store).parent)
    decided, feedback = digit_decisions(decisions, seed=4)
    world.tell("DECISIONS", decided)
    world.tell("FEEDBACK", feedback)
    yield world
    world.engine.dispose()


def transitions(settings: PipelineSettings) -> Sequence[Recorded]:
    """What became of the model, oldest first."""

    async def read() -> Sequence[Recorded]:
        async with history(settings) as opened:
            return await opened.of(Subject(kind="model", name="digits"))

    return asyncio.run(read())


def forget(settings: PipelineSettings) -> None:
    """Leave no model but the prior, and no history."""
    client = MlflowClient(settings.mlflow_url)
    if client.search_registered_models(filter_string="name='digits'"):
        client.delete_registered_model("digits")
    asyncio.run(_without_history(settings.nats_url))
    bootstrap(MlflowRegistry(settings.mlflow_url), SERVICE)


def state(settings: PipelineSettings) -> State:
    """Registry, history, card and aliases; what a clock had a say in is left out."""
    registry, history = MlflowRegistry(settings.mlflow_url), transitions(settings)
    versions = registry.versions("digits")
    newest = versions[-1]
    card = Card.parse(registry.read_file(newest, MODEL_CARD).decode())
    assert isinstance(card.facts, ModelFacts)
    assert card.facts.rollout == steps(newest, history), "the card tells another history than the history"
    verdict = json.loads(registry.read_file(newest, VERDICT))
    manifest = json.loads(registry.read_file(newest, MANIFEST))
    named = {alias: registry.by_alias("digits", alias) for alias in ALIASES}
    return {
        "versions": [(version.version, version.digest) for version in versions],
        "aliases": {alias: version.version for alias, version in named.items() if version},
        "history": [(one.transition.stage, one.transition.version, one.transition.champion) for one in history],
        "file": hashlib.sha256(registry.load(newest)).hexdigest(),
        "rows": registry.read_file(newest, TRAINING_ROWS),
        "manifest": manifest,
        "tags": registry.tags(newest),
        "verdict": [(reason["name"], reason["passed"]) for reason in verdict["reasons"]],
        "card": (card.missing(), [check.name for check in card.facts.checks], card.facts.fit, card.facts.dataset),
    }


async def _without_history(url: str) -> None:
    client = await connect(url, "oo-tests")
    await client.jetstream().delete_stream("HISTORY")
    await streams.ensure(client.jetstream())
    await client.close()


async def _with_streams(url: str) -> None:
    client = await connect(url, "oo-tests")
    await streams.ensure(client.jetstream())
    await client.close()
