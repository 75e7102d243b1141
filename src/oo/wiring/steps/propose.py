import asyncio
from pathlib import Path

from oo import catalog as catalogs
from oo.errors import RolloutRefused
from oo.registry.mlflow_registry import MlflowRegistry
from oo.registry.registry import CHAMPION, named
from oo.settings import PipelineSettings
from oo.training.verdict import Outcome, Verdict
from oo.wiring.rollout import conducting


def propose(settings: PipelineSettings, feature_service: str, *, version: int, verdict: Path) -> Outcome:
    """Make a registered version the challenger when the gates let it through, and say what became of it."""
    model = catalogs.load(settings.catalog).service(feature_service).model
    registry = MlflowRegistry(settings.mlflow_url)
    challenger = named(registry, model, str(version))
    told = Verdict.model_validate_json(verdict.read_bytes())
    if registry.by_alias(model, CHAMPION) == challenger:
        said = f"{model} {version} serves already: these rows made the same file before."
    elif not told.passed:
        said = f"{model} {version} is refused: {told.champion} stays the champion."
    else:
        refusal = asyncio.run(_proposed(settings, model, version))
        if refusal is None:
            said = f"{model} {version} is the challenger now: `oo rollout advance {model}` begins its trial."
            return Outcome(challenger=challenger, verdict=told, proposed=True, said=said)
        said = f"{model} {version} passed and waits: {refusal}."
    return Outcome(challenger=challenger, verdict=told, proposed=False, said=said)


async def _proposed(settings: PipelineSettings, model: str, version: int) -> str | None:
    """Why it is not the challenger now; None when it is."""
    async with conducting(settings, model, None) as conductor:
        try:
            await conductor.propose(str(version), who="pipeline train", why="Every gate let it through.")
        except RolloutRefused as refusal:
            return str(refusal)
    return None
