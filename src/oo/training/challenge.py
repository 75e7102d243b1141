"""A challenger's way: registered, judged, and promoted or refused."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from oo.errors import UnknownModel
from oo.features.services import FeatureService
from oo.models.onnx_model import OnnxModel
from oo.registry import model_card
from oo.registry.registry import CHALLENGER, CHAMPION, PREVIOUS, ModelVersion, Registry
from oo.training.candidate import Candidate
from oo.training.dataset import Dataset
from oo.training.gates import Evidence, Verdict, judge

MANIFEST, TRAINING_ROWS, MODEL_CARD = "manifest.json", "training_rows.parquet", "model_card.md"


class Outcome(BaseModel):
    """What became of a challenger."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    challenger: ModelVersion
    champion: ModelVersion
    """The champion that it was judged against."""
    verdict: Verdict

    @property
    def promoted(self) -> bool:
        """Whether the challenger is the champion now."""
        return self.verdict.passed

    @property
    def sentences(self) -> tuple[str, ...]:
        """What every gate said, then what was done."""
        model, old, new = self.challenger.name, self.champion.version, self.challenger.version
        done = (
            f"{model} {new} is promoted: it is the champion now, and {old} is kept as the previous one."
            if self.promoted
            else f"{model} {new} is refused: {old} stays the champion."
        )
        return (*(f"{'pass' if reason.passed else 'no'}: {reason.sentence}" for reason in self.verdict.reasons), done)


def register(registry: Registry, service: FeatureService, candidate: Candidate, dataset: Dataset) -> ModelVersion:
    """A new version under the alias `challenger`, with what it was made of beside it.

    Raises:
        RegistryUnreachable: the registry did not answer.
    """
    manifest = {"dataset": asdict(dataset.manifest), "fit": asdict(candidate.report)}
    version = registry.register(
        service.model,
        candidate.onnx,
        feature_service=service.name,
        feature_digest=dataset.manifest.feature_digest,
        files={MANIFEST: json.dumps(manifest, indent=2).encode(), TRAINING_ROWS: dataset.training_rows()},
        tags={
            "recipe": candidate.report.recipe,
            "rows": str(dataset.manifest.rows),
            "rows_sha256": dataset.manifest.rows_sha256,
        },
    )
    registry.set_alias(service.model, CHALLENGER, version.version)
    return version


def decide(registry: Registry, service: FeatureService, challenger: ModelVersion, dataset: Dataset) -> Outcome:
    """Judge the challenger's own registered file against the champion's on the holdout, and promote it or not.

    Promotion moves two aliases: `previous` to the old champion first, so that a way back exists before it is needed.
    The verdict and the model card are kept with the version either way.

    Raises:
        UnknownModel: there is no champion to judge against.
        RegistryUnreachable: the registry did not answer.
    """
    champion = registry.by_alias(service.model, CHAMPION)
    if champion is None:
        raise UnknownModel(f"model {service.model!r} has no champion to judge against; run `oo bootstrap` first")
    manifest: dict[str, Any] = json.loads(registry.read_file(challenger, MANIFEST))
    rows = dataset.rows[dataset.holdout]
    evidence = Evidence(
        feature_digest=service.digest,
        challenger_feature_digest=challenger.feature_digest,
        parity_difference=manifest["fit"]["parity_difference"],
        rewards=dataset.rewards[dataset.holdout],
        challenger_scores=OnnxModel(registry.load(challenger)).score(rows),
        champion_scores=_scores_to_beat(registry, champion, service, rows),
        base_rate=float(dataset.rewards[dataset.fitted].mean()),
    )
    outcome = Outcome(challenger=challenger, champion=champion, verdict=judge(evidence))
    card = model_card.facts(challenger, manifest, outcome.sentences)
    verdict = "promoted" if outcome.promoted else "refused"
    registry.attach(challenger, {MODEL_CARD: model_card.render(challenger.name, card).encode()}, {"verdict": verdict})
    if outcome.promoted:
        registry.set_alias(service.model, PREVIOUS, champion.version)
        registry.set_alias(service.model, CHAMPION, challenger.version)
    return outcome


def _scores_to_beat(
    registry: Registry, champion: ModelVersion, service: FeatureService, rows: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    if champion.feature_digest != service.digest:
        # It cannot read these rows, so it cannot serve either: what is left to beat is knowing nothing.
        return np.full(len(rows), 0.5)
    return OnnxModel(registry.load(champion)).score(rows)
