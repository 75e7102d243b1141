"""A champion and a better challenger, both really fitted: is the digit on the image below five?"""

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator  # type: ignore[import-untyped]  # scikit-learn ships no types
from sklearn.datasets import load_digits  # type: ignore[import-untyped]  # the same
from sklearn.impute import SimpleImputer  # type: ignore[import-untyped]  # the same
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # the same
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]  # the same
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]  # the same

from oo.training.dataset import Dataset
from oo.training.evidence import Entrant, gather
from oo.training.export import to_onnx
from oo.training.gates import GATES
from oo.training.gates.gate import Evidence, judge
from oo.training.verdict import GateResult
from tests.training_data import SERVICE, START, dataset_of

Rows = npt.NDArray[np.float32]


def logistic(rows: Rows, rewards: npt.NDArray[np.float64], strength: float = 0.05) -> BaseEstimator:
    steps = SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(C=strength, max_iter=500)
    return make_pipeline(*steps).fit(rows, rewards)


def exported(estimator: BaseEstimator) -> bytes:
    return to_onnx(estimator, SERVICE)


def entrant(estimator: BaseEstimator) -> Entrant:
    return Entrant(exported(estimator), SERVICE.digest)


@dataclass(frozen=True)
class Court:
    """Judges challengers against one champion by one dataset."""

    dataset: Dataset
    champion: Entrant

    @property
    def fitted(self) -> tuple[Rows, npt.NDArray[np.float64]]:
        """The rows and rewards that a challenger may learn from."""
        return self.dataset.rows[self.dataset.fitted], self.dataset.rewards[self.dataset.fitted]

    def evidence(
        self, challenger: Entrant, *, parity_difference: float = 1e-7, named: tuple[str, ...] = ()
    ) -> Evidence:
        return gather(
            SERVICE,
            self.dataset,
            challenger=challenger,
            champion=self.champion,
            parity_difference=parity_difference,
            named=named,
        )


def refusals(evidence: Evidence) -> list[GateResult]:
    return [reason for reason in judge(evidence, GATES) if not reason.passed]


def dataset_of_digits(rows: int = 1_797) -> Dataset:
    """Every image with an arm at random, rewarded when its digit is below five; a tenth of people see it otherwise."""
    rng = np.random.default_rng(5)
    images, digits = load_digits(return_X_y=True)
    order = rng.permutation(len(digits))[:rows]
    rewards = (digits[order] < 5) ^ (rng.random(rows) < 0.1)
    cells = np.hstack([images[order], np.eye(10)[rng.integers(0, 10, rows)]]).astype(np.float32)
    return known_a_day_later(dataset_of(cells, rewards.astype(float)))


def known_a_day_later(dataset: Dataset) -> Dataset:
    """The dataset as it stands a day after its first decision."""
    manifest = replace(dataset.manifest, as_of=(START + timedelta(days=1)).isoformat())
    return Dataset(dataset.decisions, dataset.rows, manifest)


def court_of(dataset: Dataset) -> Court:
    return Court(dataset, entrant(logistic(dataset.rows[:80], dataset.rewards[:80])))


def scored(evidence: Evidence, scores: npt.NDArray[np.float64]) -> Evidence:
    """The evidence, had the challenger given these scores."""
    return replace(evidence, challenger=replace(evidence.challenger, scores=scores))
