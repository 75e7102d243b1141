"""What a prompt's tips are judged by, and when a version is worse than the one before it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from oo.experiments.sign_test import sign_test_p_value
from oo.llm.guardrails.faults import FAULTS, Fault
from oo.writing.evaluation import Outcome, Report

FEW = 30
"""Up to so many trials no test can tell a slip from a defect: there, a check that was perfect must stay perfect."""
SIGNIFICANT = 0.01
"""A fall that chance alone brings about less often than this is a regression."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question to a tip."""

    name: str
    passes: Callable[[Outcome], bool | None]
    """None for an outcome that cannot tell."""

    def share(self, report: Report) -> "Share":
        """How many of the report's tips pass."""
        answers = [answer for outcome in report.outcomes if (answer := self.passes(outcome)) is not None]
        return Share(sum(answers), len(answers))


class Share(NamedTuple):
    """So many of so many."""

    passed: int
    of: int

    @property
    def value(self) -> float | None:
        """0 to 1; None of nothing."""
        return self.passed / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Compared:
    """A check over one version and, over the same trials, the version before it."""

    check: str
    now: Share
    before: Share
    p_value: float
    """How often chance alone would make it fall as far; 1 for what did not fall."""
    regressed: bool


def _answered(outcome: Outcome) -> bool:
    return outcome.written.usage.cost_usd is not None


def _free_of(faults: frozenset[Fault], outcome: Outcome) -> bool | None:
    return faults.isdisjoint(outcome.written.refusals) if _answered(outcome) else None


def _fault_check(name: str, *faults: Fault) -> Check:
    return Check(name, partial(_free_of, frozenset(faults)))


_GROUPED: dict[str, tuple[Fault, ...]] = {
    "schema": ("not_a_tip",),
    "length": ("title_length", "body_length"),
    "language": ("language",),
    "topic": ("topic",),
}
_ALONE = tuple(fault for fault in FAULTS if fault not in {fault for group in _GROUPED.values() for fault in group})

CHECKS: tuple[Check, ...] = (
    Check("answered", _answered),
    *(_fault_check(name, *faults) for name, faults in _GROUPED.items()),
    *(_fault_check(fault.replace("_", " "), fault) for fault in _ALONE),
    _fault_check("no repair", *FAULTS),
    Check("no template", lambda outcome: outcome.written.model is not None),
)
"""The model answered; its answers, of which a repair is a second one, were free of each fault; the first one could be
shown; and the person saw a model's tip rather than the template's."""


def compare(now: Report, before: Report) -> tuple[Compared, ...]:
    """Each check over the trials that both reports hold.

    A check regressed when more trials that passed fail than the other way round, and that is beyond chance: an exact
    one-sided sign test (McNemar) over the pairs, at 1 %. Of no more than 30 trials, any fall of a check that was
    perfect is one.
    """
    then = {outcome.trial.id: outcome for outcome in before.outcomes}
    pairs = [(outcome, then[outcome.trial.id]) for outcome in now.outcomes if outcome.trial.id in then]
    return tuple(_compared(check, pairs) for check in CHECKS)


def _compared(check: Check, pairs: Sequence[tuple[Outcome, Outcome]]) -> Compared:
    answers = [(check.passes(now), check.passes(before)) for now, before in pairs]
    told = [(now, before) for now, before in answers if now is not None and before is not None]
    worse = sum(before and not now for now, before in told)
    better = sum(now and not before for now, before in told)
    p_value = sign_test_p_value(worse, better) if worse > better else 1.0
    share, was = (Share(sum(side), len(told)) for side in (zip(*told, strict=True) if told else ((), ())))
    slipped = worse > 0 and was.passed == was.of <= FEW
    return Compared(check.name, share, was, p_value, slipped or p_value < SIGNIFICANT)
