import asyncio
from pathlib import Path

from oo import catalog as catalogs
from oo.errors import RolloutRefused
from oo.registry.mlflow_registry import MlflowRegistry
from oo.registry.registry import CHAMPION, named
from oo.rollout.rollout import Rollout
from oo.settings import PipelineSettings
from oo.training.verdict import Outcome, Verdict
from oo.wiring.rollout import conducting


def propose(settings: PipelineSettings, feature_service: str, *, version: int, verdict: Path) -> Outcome:
    """Make a registered version the challenger when the gates let it through, and say what became of it.

    Whatever becomes of it, names and cards follow the history then: `register` wrote the card anew.
    """
    model = catalogs.load(settings.catalog).service(feature_service).model
    registry = MlflowRegistry(settings.mlflow_url)
    challenger = named(registry, model, str(version))
    told = Verdict.model_validate_json(verdict.read_bytes())
    serves = registry.by_alias(model, CHAMPION) == challenger
    rollout, refusal = asyncio.run(_settled(settings, model, str(version) if told.passed and not serves else None))
    if serves:
        said = f"{model} {version} serves already: these rows made the same file before."
    elif not told.passed:
        said = f"{model} {version} is refused: {told.champion} stays the champion."
    elif refusal is not None:
        said = f"{model} {version} passed and waits: {refusal}."
    elif rollout.stage != "challenger":
        said = f"{model} {version} is the {rollout.stage} already: these rows made the same file before."
    else:
        said = f"{model} {version} is the challenger now: `oo rollout advance {model}` begins its trial."
        return Outcome(challenger=challenger, verdict=told, proposed=True, said=said)
    return Outcome(challenger=challenger, verdict=told, proposed=False, said=said)


async def _settled(settings: PipelineSettings, model: str, version: str | None) -> tuple[Rollout, str | None]:
    """Propose the version, unless it is None, and settle; returns where the rollout stands, and why it was refused."""
    async with conducting(settings, model, None) as conductor:
        if version is None:
            return await conductor.settle(), None
        try:
            return await conductor.propose(version, who="pipeline train", why="Every gate let it through."), None
        except RolloutRefused as refused:
            return await conductor.settle(), str(refused)
