"""What stands beside a registered version: what it was made of, what the gates said, and its card."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict

from oo.cards.card import Card
from oo.cards.facts import Check, ModelFacts
from oo.cards.models import model_facts
from oo.errors import InvalidCard, InvalidModel, UnknownModel
from oo.features.services import FeatureService
from oo.registry.history import Recorded
from oo.registry.registry import CHAMPION, ROWS_SHA256, ModelVersion, Registry
from oo.training.candidate import Candidate
from oo.training.dataset import Dataset
from oo.training.verdict import GateResult, Verdict

MANIFEST, TRAINING_ROWS = "manifest.json", "training_rows.parquet"
VERDICT, MODEL_CARD = "verdict.json", "model_card.md"


def register(  # noqa: PLR0913, PLR0917  # each is a thing of its own
    registry: Registry, service: FeatureService, candidate: Candidate, dataset: Dataset, verdict: Verdict, card: str
) -> ModelVersion:
    """The candidate as a version, with what it was made of, what the gates said and its card beside it.

    What was registered before is the same version, and only verdict and card are new; those of a version that serves
    already stay, since it was judged when it came.

    Args:
        registry: gets it, under no alias: only a rollout gives one.
        service: what it scores.
        candidate: the file.
        dataset: what it was fitted on.
        verdict: what the gates said.
        card: what people wrote of the model, a card's text; nothing yet when empty.

    Raises:
        InvalidCard: the card's text holds facts that do not fit their schema.
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
            ROWS_SHA256: dataset.manifest.rows_sha256,
        },
    )
    if registry.by_alias(service.model, CHAMPION) != version:
        registry.attach(
            version,
            {VERDICT: verdict.model_dump_json(indent=2).encode()},
            {"gates": "passed" if verdict.passed else "refused"},
        )
        write_card(registry, service, version, card)
    return version


def write_card(
    registry: Registry,
    service: FeatureService,
    version: ModelVersion,
    card: str,
    rollout: Iterable[Recorded] | None = None,
) -> Card:
    """Put a card beside a version: its facts, within what people wrote in `card`.

    Args:
        registry: has the version.
        service: whose columns it reads.
        version: the version.
        card: what people wrote, a card's text; nothing yet when empty.
        rollout: the model's transitions; when None, the card goes on telling those that it told.

    Raises:
        UnknownModel: no pipeline made the version, so that there are no facts.
        InvalidCard: the card's text holds facts that do not fit their schema.
        RegistryUnreachable: the registry did not answer.
    """
    manifest, verdict = (registry.read_file(version, name).decode() for name in (MANIFEST, VERDICT))
    words = Card.parse(card) if card else Card.new(version.name)
    told = facts(version, service, manifest, Verdict.model_validate_json(verdict), rollout or ())
    before = kept_card(registry, version) if rollout is None else None
    if before and isinstance(before.facts, ModelFacts):
        told = told.model_copy(update={"rollout": before.facts.rollout})
    written = words.with_facts(told)
    registry.attach(version, {MODEL_CARD: str(written).encode()}, {})
    return written


def kept_card(registry: Registry, version: ModelVersion) -> Card | None:
    """The card beside a version; None where there is none, as with a first champion, or none that can be read.

    Raises:
        RegistryUnreachable: the registry did not answer.
    """
    try:
        return Card.parse(registry.read_file(version, MODEL_CARD).decode())
    except (UnknownModel, InvalidCard):
        return None


def facts(
    version: ModelVersion, service: FeatureService, manifest: str, verdict: Verdict, rollout: Iterable[Recorded] = ()
) -> ModelFacts:
    """The facts of a registered version.

    Args:
        version: the version.
        service: whose columns it reads.
        manifest: its file `MANIFEST`.
        verdict: what the gates said.
        rollout: the model's transitions.

    Raises:
        InvalidModel: the manifest is none.
    """
    checks = map(_check, verdict.reasons)
    try:
        return model_facts(version, service, manifest=json.loads(manifest), checks=checks, rollout=rollout)
    except (ValueError, KeyError) as error:
        raise InvalidModel(
            f"{version.name} {version.version}: its {MANIFEST} cannot be read; train it again"
        ) from error


def _check(reason: GateResult) -> Check:
    figures = {name: value if math.isfinite(value) else None for name, value in reason.figures.items()}
    return Check(name=reason.name, passed=reason.passed, sentence=reason.sentence, figures=figures)
