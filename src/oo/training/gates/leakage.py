from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.tree import DecisionTreeClassifier  # type: ignore[import-untyped]  # scikit-learn ships no types

from oo.features.services import Cells, NumberColumn
from oo.training.gates.delong import Estimate, auc
from oo.training.gates.gate import Evidence, Scores
from oo.training.verdict import GateResult

NAME = "leakage"


class _Asked(NamedTuple):
    what: str
    auc: Estimate
    bound: float


@dataclass(frozen=True, slots=True)
class Leakage:
    """No column knows the reward: neither by its value nor by being absent.

    What was written down after the reaction, or only because of it, looks like the best feature there ever was, and is
    not there when a decision is made.
    """

    by_value: float = 0.99
    """A column that alone tells the rewarded decisions apart with this AUC was not known before the reward."""
    by_absence: float = 0.8
    """The same for whether it is there at all, which an honest column says far less by."""
    newest: int = 20_000
    """How many rows of either part are looked at, at most."""
    rows_a_leaf: int = 20
    confidence: float = 0.95

    def judge(self, evidence: Evidence) -> GateResult:
        """Pass when the intervals of all columns lie below the bounds."""
        asked = list(self._asked(evidence))
        if not asked:
            sentence = "No column can be asked whether it knows the reward: too few rewards, or other columns."
            return GateResult(NAME, passed=False, sentence=sentence)
        known = [self._sentence(column) for column in asked if column.auc.high >= column.bound]
        nearest = max(asked, key=lambda column: column.auc.high - column.bound)
        sentence = (
            f"{'; '.join(known)} may know the reward. Look for what is written after the reaction."
            if known
            else f"No column alone knows the reward; the nearest to it is {self._sentence(nearest)}."
        )
        return GateResult(
            NAME,
            not known,
            sentence,
            {"columns": len(asked), "suspected": len(known), "nearest_auc": nearest.auc.value},
        )

    def _asked(self, evidence: Evidence) -> Iterator[_Asked]:
        fitted, holdout = evidence.dataset.fitted, evidence.dataset.holdout
        older = slice(max(fitted.start, fitted.stop - self.newest), fitted.stop)
        newer = slice(max(holdout.start, holdout.stop - self.newest), holdout.stop)
        learned, earned = evidence.dataset.rewards[older], evidence.dataset.rewards[newer]
        if not len(learned):
            return
        for name, (column, cells) in evidence.columns().items():
            old, new = evidence.dataset.rows[older, cells], evidence.dataset.rows[newer, cells]
            number = isinstance(column, NumberColumn)
            for what, scores, bound in (
                (name, self._by_value(old, learned, new), self.by_value),
                (f"the absence of {name}", _absent(new, number=number), self.by_absence),
            ):
                estimate = auc(earned, scores, self.confidence)
                if estimate is not None:
                    yield _Asked(what, _either_way(estimate), bound)

    def _by_value(self, old: Cells, learned: Scores, new: Cells) -> Scores:
        """What the column's cells alone say of newer rows: a small tree finds any shape, and reads NaN as it is."""
        tree = DecisionTreeClassifier(min_samples_leaf=self.rows_a_leaf, random_state=0).fit(old, learned)
        chances: Scores = tree.predict_proba(new)[:, -1]
        return chances

    def _sentence(self, column: _Asked) -> str:
        value, low, high = column.auc
        relation = "below" if high < column.bound else "not below"
        ending = ", which is inconclusive" if low < column.bound <= high else ""
        return (
            f"{column.what} (AUC {value:.4f}, {self.confidence:.0%} interval {low:.4f} to {high:.4f}, {relation} "
            f"{column.bound:g}{ending})"
        )


def _absent(cells: Cells, *, number: bool) -> Scores:
    absent = np.isnan(cells[:, 0]) if number else ~np.any(cells, axis=1)
    return np.asarray(absent, dtype=np.float64)


def _either_way(auc_: Estimate) -> Estimate:
    """To be below whatever is rewarded tells as much as to be above it."""
    value, low, high = auc_
    return auc_ if value >= 0.5 else Estimate(1 - value, 1 - high, 1 - low)  # noqa: PLR2004  # ranks nothing
