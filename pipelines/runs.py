"""Runs of the pipelines, with the arguments that they take."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from oo import catalog as catalogs
from oo.local.settings import StackSettings
from oo.settings import PipelineSettings
from oo.training.verdict import Outcome
from oo.wiring.steps import LATEST
from pipelines import local_run


@dataclass(frozen=True, slots=True)
class Training:
    """What a run of the training pipeline is asked for, as in `pipelines.train.training`."""

    feature_service: str
    as_of: datetime
    seed: int = 0
    table_version: int = LATEST
    shards: int = 1

    def arguments(self, settings: PipelineSettings) -> dict[str, object]:
        """The pipeline's arguments, with what people wrote on the model's card."""
        model = catalogs.load(settings.catalog).service(self.feature_service).model
        card = settings.model_cards / f"{model}.md"
        return {
            "feature_service": self.feature_service,
            "as_of": self.as_of.isoformat(),
            "seed": self.seed,
            "table_version": self.table_version,
            "shards": self.shards,
            "card": card.read_text(encoding="utf-8") if card.exists() else "",
        }


def train(
    settings: PipelineSettings,
    asked: Training,
    *,
    on_step: Callable[[str], None] = lambda _: None,
    on_note: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Run the training pipeline on this machine, a process a step, and tell what became of the challenger.

    Args:
        settings: where the stores, the registry and the catalog are, and where runs keep their artifacts and log.
        asked: what is trained, and on what.
        on_step: called with the name of each step as it begins.
        on_note: called with what a step tells of itself.

    Raises:
        PipelineFailed: a step ended without its result; names the step and its reason.
        InvalidCatalog: a catalog file is missing or contradicts itself.
    """
    log = settings.pipeline_root / f"{asked.feature_service}.log"
    arguments = json.dumps(asked.arguments(settings))
    told = local_run.run("pipelines.train:training", arguments, (settings,), log, on_step, on_note)
    return Outcome.model_validate_json(told)


def promote(
    settings: PipelineSettings, stack: StackSettings, model: str, *, on_step: Callable[[str], None] = lambda _: None
) -> str:
    """Run the promotion pipeline on this machine, one step of a rollout, and tell what was done.

    Args:
        settings: where the stores and the registry are, and where runs keep their log.
        stack: whose traffic moves.
        model: such as "digits".
        on_step: called with the name of each step as it begins.

    Raises:
        PipelineFailed: the step ended without its result; names its reason.
    """
    log = settings.pipeline_root / f"promote-{model}.log"
    arguments = json.dumps({"model": model})
    # The stack first: it names a catalog too, and where the two differ these settings are what was asked for.
    return local_run.run("pipelines.promote:promotion", arguments, (stack, settings), log, on_step)
