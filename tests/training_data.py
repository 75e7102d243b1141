"""Handwritten digits as logged decisions: the context is an image, the arms are the ten digits, one is right."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import yaml
from sklearn.datasets import load_digits  # type: ignore[import-untyped]  # scikit-learn ships no types
from sqlalchemy import Engine

from oo.bus.delivery import Delivery
from oo.catalog import Catalog, Tenant
from oo.events.decision import Candidate, RankedArm, ScoreDecided, ServingRole, Versioned
from oo.events.envelope import Envelope
from oo.events.feedback import ReactionKind, TipExposed, TipReacted
from oo.experiments.uniform import Uniform
from oo.features.services import CategoryColumn, FeatureService, NumberColumn
from oo.offline.archived import Archived
from oo.offline.store import OfflineStore
from oo.rewards.database import connect
from oo.rewards.join import apply
from oo.settings import PipelineSettings
from oo.training.assembly import Sources
from oo.training.dataset import DECISIONS, Dataset, Manifest, fingerprint
from tests.envelopes import envelope

START = datetime(2026, 11, 1, 8, tzinfo=UTC)
WINDOW = timedelta(hours=1)
DIGITS = tuple(map(str, range(10)))

SERVICE = FeatureService(
    name="digits@1",
    model="digits",
    columns=(
        *(NumberColumn(name=f"pixel_{pixel:02}", source="context") for pixel in range(64)),
        CategoryColumn(name="tip_id", source="candidate", values=DIGITS),
    ),
)
CATALOG = Catalog(
    feature_services=(SERVICE,),
    tenants=(Tenant(name="digits", feature_service="digits@1", policy=Uniform(version="1"), reward_window=WINDOW),),
)


@dataclass(frozen=True)
class World:
    """The stores that training reads, in one folder."""

    folder: Path
    store: OfflineStore
    engine: Engine

    @classmethod
    def in_folder(cls, folder: Path) -> "World":
        return cls(folder, OfflineStore(folder / "offline"), connect(f"sqlite:///{folder / 'tip_scores.db'}"))

    def settings(self, **places: object) -> PipelineSettings:
        """Where a pipeline finds these stores, and other places by their names."""
        catalog = self.folder / "catalog.yaml"
        catalog.write_text(yaml.safe_dump(CATALOG.model_dump(mode="json", exclude_none=True)))
        return PipelineSettings.model_validate(
            {
                "catalog": (catalog,),
                "offline_store": str(self.folder / "offline"),
                "tip_scores_url": f"sqlite:///{self.folder / 'tip_scores.db'}",
                "pipeline_root": self.folder / "runs",
                "model_cards": self.folder,
                **places,
            }
        )

    def sources(self, catalog: Catalog = CATALOG) -> Sources:
        return Sources(self.store, self.engine, catalog)

    def tell(self, stream: str, envelopes: Sequence[Envelope], first: int = 1) -> None:
        """Archive these messages of a stream and join what speaks of decisions."""
        self.store.append([_archived(stream, first + place, told) for place, told in enumerate(envelopes)])
        apply(self.engine, envelopes, lambda _tenant: WINDOW)


def decision_of_digit(
    number: int, image: npt.NDArray[np.float64], chosen: str, at: datetime, **changed: object
) -> Envelope:
    """A decision on an image, with `changed` fields of the decision."""
    decided = ScoreDecided(
        decision_id=str(UUID(int=number)),
        serving_role=ServingRole.STABLE,
        candidates=tuple(Candidate(tip_id=digit) for digit in DIGITS),
        context={f"pixel_{pixel:02}": float(value) for pixel, value in enumerate(image)},
        ranking=tuple(RankedArm(tip_id=digit, probability=0.1) for digit in DIGITS),
        tip_id=chosen,
        propensity=0.1,
        policy=Versioned(name="uniform", version="1"),
        feature_service="digits@1",
    ).model_copy(update=changed)
    return envelope(
        "score_decided",
        event_id=f"decided-{number}",
        occurred_at=at,
        tenant_id="digits",
        user_id=f"u{number % 50}",
        score_decided=decided,
    )


def exposure(decision: Envelope, after: timedelta = timedelta(seconds=1)) -> Envelope:
    decided = _decided(decision)
    return envelope(
        "tip_exposed",
        event_id=f"{decision.event_id}-exposed",
        occurred_at=decision.occurred_at + after,
        tenant_id=decision.tenant_id,
        user_id=decision.user_id,
        tip_exposed=TipExposed(decision_id=decided.decision_id, tip_id=decided.tip_id),
    )


def reaction(decision: Envelope, kind: ReactionKind, after: timedelta = timedelta(seconds=2)) -> Envelope:
    decided = _decided(decision)
    return envelope(
        "tip_reacted",
        event_id=f"{decision.event_id}-reacted",
        occurred_at=decision.occurred_at + after,
        tenant_id=decision.tenant_id,
        user_id=decision.user_id,
        tip_reacted=TipReacted(decision_id=decided.decision_id, tip_id=decided.tip_id, kind=kind),
    )


def digit_decisions(n: int, *, seed: int) -> tuple[list[Envelope], list[Envelope]]:
    """Decisions on `n` images by a policy that picks at random half of the time, and their feedback."""
    rng = np.random.default_rng(seed)
    images, labels = load_digits(return_X_y=True)
    picked = rng.permutation(len(labels))[:n]
    decisions, feedback = [], []
    for number, index in enumerate(picked):
        right = str(labels[index])
        chosen = right if rng.random() < 0.5 else DIGITS[rng.integers(10)]
        decision = decision_of_digit(number, images[index], chosen, START + timedelta(seconds=10 * number))
        decisions.append(decision)
        kind = ReactionKind.CLICKED if chosen == right else ReactionKind.DISMISSED
        feedback += [exposure(decision), reaction(decision, kind)]
    return decisions, feedback


def dataset_of(rows: npt.NDArray[np.float32], rewards: Iterable[float], service: FeatureService = SERVICE) -> Dataset:
    """A dataset of rows that no store holds."""
    earned = list(rewards)
    decisions = pa.table(
        {
            "decision_id": [str(UUID(int=number)) for number in range(len(earned))],
            "tenant_id": ["digits"] * len(earned),
            "user_id": [f"u{number % 50}" for number in range(len(earned))],
            "decided_at": [START + timedelta(seconds=number) for number in range(len(earned))],
            "propensity": [0.1] * len(earned),
            "reward": earned,
        },
        schema=DECISIONS,
    )
    manifest = Manifest(
        feature_service=service.name,
        feature_digest=service.digest,
        tenants=("digits",),
        as_of=START.isoformat(),
        table_version=0,
        rows=len(earned),
        excluded={},
        rows_sha256=fingerprint(decisions, rows),
        first_decided_at=None,
        last_decided_at=None,
        skew={"checked": 0, "differing": 0},
    )
    return Dataset(decisions, rows, manifest)


def digit_dataset(n: int, *, seed: int = 0) -> Dataset:
    """Images with an arm each, right half of the time."""
    rng = np.random.default_rng(seed)
    images, labels = load_digits(return_X_y=True)
    picked = rng.permutation(len(labels))[:n]
    arms = np.where(rng.random(n) < 0.5, labels[picked], rng.integers(0, 10, n))
    rows = np.hstack([images[picked], np.eye(10)[arms]]).astype(np.float32)
    return dataset_of(rows, (arms == labels[picked]).astype(float))


def _archived(stream: str, sequence: int, told: Envelope) -> Archived:
    delivery = Delivery(
        subject="any",
        data=told.to_json(),
        headers={},
        stream=stream,
        sequence=sequence,
        published_at=told.occurred_at,
        delivered=1,
    )
    return Archived.of(delivery, told)


def _decided(decision: Envelope) -> ScoreDecided:
    assert decision.score_decided is not None
    return decision.score_decided
