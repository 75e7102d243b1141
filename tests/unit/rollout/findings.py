"""Rollouts at a stage, and evidence that carries their next step."""

from datetime import datetime, timedelta
from typing import Any

from oo.experiments.interval import wilson
from oo.registry.history import Recorded, Stage, Subject, Transition
from oo.rollout.canary_report import CanaryReport
from oo.rollout.comparison import Rates, Times
from oo.rollout.evidence import Artefact, Condition, Evidence
from oo.rollout.requirements import Requirements
from oo.rollout.rollout import Rollout
from oo.rollout.shadow_report import Coverage, Pairs, Scores, ShadowReport
from oo.rollout.sketch import Sketch
from oo.rollout.value import Value
from tests.unit.rollout.trial import DIGEST, MODEL, utc

ASKED = Requirements()
COLUMNS = "cc" * 32
STEPS: tuple[tuple[Stage, int], ...] = (
    ("challenger", 0),
    ("shadow", 0),
    *(("canary", percent) for percent in ASKED.percents),
)


def at_stage(stage: Stage, percent: int = 0, subject: Subject = MODEL) -> Rollout:
    """Version 2 at this step, a day after each one before, beside champion 1."""
    told: list[tuple[str, Stage, int]] = [("1", "champion", 0)]
    told += [("2", *step) for step in STEPS[: STEPS.index((stage, percent)) + 1]]
    return Rollout.of(
        subject,
        [
            Recorded(
                sequence=place,
                transition=Transition(
                    subject=subject,
                    version=version,
                    stage=step,
                    percent=share,
                    champion="1",
                    at=utc(place),
                    who="ada",
                    why="told",
                    digest=DIGEST[version],
                    feature_digest=COLUMNS,
                ),
            )
            for place, (version, step, share) in enumerate(told, 1)
        ],
    )


def now_for(rollout: Rollout) -> datetime:
    """A day and an hour after the step began: held for long enough, and not for too long."""
    assert rollout.since is not None
    return rollout.since + timedelta(hours=25)


def times(stable_ms: float = 1.0, candidate_ms: float = 1.0, n: int = 5_000) -> Times:
    stable, candidate = Sketch(), Sketch()
    for number in range(n):
        spread = 0.9 + 0.2 * number / n
        stable.add(stable_ms * spread / 1e3)
        candidate.add(candidate_ms * spread / 1e3)
    return Times.of(stable, candidate, 0.95, ASKED.confidence)


_EVEN = times()


def pairs(expected: int = 5_000, paired: int = 5_000, **changed: Any) -> Pairs:  # noqa: ANN401  # any field
    told: dict[str, Any] = {
        "coverage": Coverage(expected=expected, paired=paired),
        "compared": paired,
        "agreed": paired // 2,
        "agreement": wilson(paired // 2, paired, ASKED.confidence),
        "ranked": paired,
        "rank_correlation": 0.4,
        "scores": Scores(stable_mean=0.2, candidate_mean=0.25, distance=0.1),
        "errors": Rates.of((5, paired), (5, paired), ASKED.confidence),
        "p50": _EVEN,
        "p95": _EVEN,
        "unsound": 0,
    }
    return Pairs(**told | changed)


def value(candidate: float = 0.22, effective: float = 2_000, n: int = 5_000) -> Value:
    return Value(
        exposures=n,
        logged=0.2,
        logged_interval=wilson(0.2 * n, n, ASKED.confidence),
        candidate=candidate,
        candidate_interval=wilson(candidate * effective, effective, ASKED.confidence),
        effective=effective,
        mean_weight=1.0,
    )


def shadow_for(rollout: Rollout, whole: Pairs | None = None, **changed: Any) -> ShadowReport:  # noqa: ANN401  # any field
    began, ended = rollout.first("shadow"), rollout.first("canary")
    assert began is not None
    until = ended.since if ended else now_for(rollout)
    told: dict[str, Any] = {
        "champion": "1",
        "candidate": "2",
        "since": began.since + timedelta(minutes=2),
        "until": until,
        "newest_pair": until - timedelta(minutes=1),
        "digests": {DIGEST["2"]: 5_000},
        "others": 0,
        "all": whole or pairs(),
        "segments": {},
        "slices": (),
        "sample": ("digits/1",),
        "value": value() if rollout.subject.kind == "policy" else None,
    }
    return ShadowReport(**told | changed)


def canary_for(rollout: Rollout, **changed: Any) -> CanaryReport:  # noqa: ANN401  # any field
    assert rollout.since is not None
    stable, canary = 100_000, round(100_000 * rollout.percent / (100 - rollout.percent))
    told: dict[str, Any] = {
        "champion": "1",
        "candidate": "2",
        "percent": rollout.percent,
        "since": rollout.since + timedelta(minutes=2),
        "until": now_for(rollout),
        "decisions": {"stable": stable, "canary": canary},
        "others": {"stable": 0, "canary": 0},
        "sample_ratio": 0.9,
        "digests": {DIGEST["2"]: canary},
        "errors": Rates.of((100, stable), (canary // 1_000, canary), ASKED.confidence),
        "p50": _EVEN,
        "p95": _EVEN,
        "unsound": 0,
        "rewards": Rates.of((20_000, stable), (canary * 22 // 100, canary), ASKED.confidence),
    }
    return CanaryReport(**told | changed)


def evidence_for(rollout: Rollout, **changed: Any) -> Evidence:  # noqa: ANN401  # any field
    """All that the rollout's next step asks for."""
    told: dict[str, Any] = {
        "version": "2",
        "collected_at": now_for(rollout),
        "artefact": Artefact(digest=DIGEST["2"], feature_digest=COLUMNS),
        "served_feature_digest": COLUMNS,
        "conditions": (Condition(name="gate parity", met=True, sentence="The file gives the model's numbers."),),
        "shadow": shadow_for(rollout) if rollout.first("shadow") else None,
        "canary": canary_for(rollout) if rollout.stage == "canary" else None,
    }
    return Evidence(**told | changed)
