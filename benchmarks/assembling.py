"""What a dataset costs: shards of one size out of a table that grows, each step in a process of its own.

`python -m benchmarks.assembling` fills an offline store with decisions like those of `tips@1` and their feedback, and
assembles all of it at each of `SIZES`. Rewards are those of the table version, as a pipeline's are.
"""

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple, TypedDict
from uuid import UUID

from rich.console import Console

from oo.bus.delivery import Delivery
from oo.events.decision import Candidate, ModelUsed, RankedArm, ScoreDecided, ServingRole, Versioned
from oo.events.envelope import EVENT_TYPES, Envelope, Event
from oo.events.feedback import ReactionKind, TipExposed, TipReacted
from oo.offline.archived import Archived
from oo.offline.store import OfflineStore
from oo.printing import columns
from oo.settings import PipelineSettings
from oo.training.peak_memory import peak_mib
from oo.wiring.steps.assemble import PlannedShard, assemble_shard, merge_shards, plan_shards

SIZES = (10_000, 100_000, 300_000)
SHARD = 25_000
"""Decisions in a shard, about."""
CANDIDATES = 10
DECISIONS_EACH = 20
SHAPES = 500
EXPOSED, REACTED = 0.6, 0.5
TOPICS = ("move", "rest", "focus", "food", "people")
CATALOG = Path(__file__).parents[1] / "catalog" / "tips.yaml"
_START = datetime(2026, 11, 1, tzinfo=UTC)
_AS_OF = datetime(2027, 11, 1, tzinfo=UTC)
_COMMIT = 10_000
_ID = str(UUID(int=2**127))


class Cost(TypedDict):
    """What one process did."""

    rows: int
    seconds: float
    cpu_seconds: float
    """Of all its threads: what a shared machine does meanwhile is not in it."""
    peak_mib: float


class Size(NamedTuple):
    """What a table of one size cost."""

    decisions: int
    shards: list[Cost]
    merge: Cost

    @property
    def seconds(self) -> float:
        """Of all steps, one after the other, without the starts of their processes."""
        return sum(step["seconds"] for step in (*self.shards, self.merge))

    @property
    def cpu_seconds(self) -> float:
        """Of the same."""
        return sum(step["cpu_seconds"] for step in (*self.shards, self.merge))


def sizes(console: Console) -> Iterator[Size]:
    """Fill a store up to each of `SIZES`, and assemble all of it."""
    with tempfile.TemporaryDirectory() as name:
        folder, filled = Path(name), 0
        for decisions in SIZES:
            with console.status(f"writing {decisions - filled:,} decisions and their feedback"):
                _done("fill", folder, filled, decisions)
                filled = decisions
            with console.status(f"assembling {decisions:,} decisions"):
                planned = plan_shards(
                    _settings(folder),
                    table_version=OfflineStore(folder / "offline").version(),
                    shards=math.ceil(decisions / SHARD),
                )
                shards = [_done("shard", folder, json.dumps(part)) for part in planned]
                yield Size(decisions, shards, _done("merge", folder, len(planned)))


def _done(*arguments: object) -> Cost:
    command = [sys.executable, "-m", "benchmarks.assembling", *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603  # our own
    cost: Cost = json.loads(done.stdout)
    return cost


def _fill(folder: Path, first: int, last: int) -> int:
    store = OfflineStore(folder / "offline")
    shapes = [list(map(_Shape, shape(number))) for number in range(SHAPES)]
    for start in range(first, last, _COMMIT):
        numbers = range(start, min(start + _COMMIT, last))
        told = ((number, place) for number in numbers for place in range(len(shapes[number % SHAPES])))
        store.append(
            [shapes[number % SHAPES][place].archived(number, 3 * number + place + 1) for number, place in told]
        )
    store.compact(
        older_than=timedelta(0), clock=lambda: datetime.now(UTC), dry_run=False, progress=lambda _done, _of: None
    )
    return last - first


def shape(number: int) -> list[Envelope]:
    """A decision, and its exposure and reaction when there are."""
    draw = Random(number)  # noqa: S311  # made-up people
    tips = [f"tip-{place}" for place in range(CANDIDATES)]
    identity = {"decision_id": _ID, "tip_id": draw.choice(tips)}
    decided = ScoreDecided(
        **identity,
        serving_role=ServingRole.STABLE,
        candidates=tuple(
            Candidate(tip_id=tip, features={"topic": draw.choice(TOPICS), "minutes": draw.randint(1, 60)})
            for tip in tips
        ),
        profile_features={"completion_rate": draw.random(), "preferred_hour": 8, "tip_volume": 4},
        signal_features={"sessions_7d": 3.0, "hours_since_activity": 20 * draw.random(), "sleep_hours_last": 7.25},
        context={"hour_of_day": draw.randrange(24), "weekend": draw.random() < 2 / 7},
        ranking=tuple(RankedArm(tip_id=tip, score=draw.random(), probability=1 / CANDIDATES) for tip in tips),
        propensity=1 / CANDIDATES,
        policy=Versioned(name="epsilon_greedy", version="1"),
        model=ModelUsed(name="tips", version="3", digest="ab" * 32),
        feature_service="tips@1",
        latency=timedelta(microseconds=2_400),
    )
    told: list[Envelope] = [_told(score_decided=decided)]
    if draw.random() < EXPOSED:
        told.append(_told(tip_exposed=TipExposed(**identity)))
        if draw.random() < REACTED:
            kind = draw.choice((ReactionKind.CLICKED, ReactionKind.DISMISSED))
            told.append(_told(tip_reacted=TipReacted(**identity, kind=kind)))
    return told


def _told(**event: Event) -> Envelope:
    return Envelope.model_validate(
        {
            "event_id": "an-event",
            "schema_version": "v1",
            "producer": "bench",
            "occurred_at": _START,
            "tenant_id": "example",
            "user_id": "a-person",
            **event,
        }
    )


class _Shape:
    """An event to be told again with other ids and times, which is a hundred times faster than to make it anew."""

    def __init__(self, envelope: Envelope) -> None:
        self._kind = envelope.event_type
        stream = "DECISIONS" if self._kind == "score_decided" else "FEEDBACK"
        delivery = Delivery(
            subject="any",
            data=envelope.to_json(),
            headers={},
            stream=stream,
            sequence=1,
            published_at=_START,
            delivered=1,
        )
        self._row = Archived.of(delivery, envelope)
        told = json.loads(delivery.data)
        self._json = json.dumps(told, separators=(",", ":"))
        self._at = told["occurredAt"]

    def archived(self, number: int, sequence: int) -> Archived:
        at = _START + timedelta(seconds=10 * number + EVENT_TYPES.index(self._kind) * 0.01)
        event_id, user_id, decision_id = (
            f"{self._kind}-{number}",
            f"user-{number // DECISIONS_EACH}",
            str(UUID(int=number)),
        )
        payload = self._json.replace("an-event", event_id).replace("a-person", user_id).replace(_ID, decision_id)
        return replace(
            self._row,
            sequence=sequence,
            event_id=event_id,
            user_id=user_id,
            decision_id=decision_id,
            occurred_at=at,
            published_at=at,
            day=at.date(),
            payload=payload.replace(self._at, at.isoformat().replace("+00:00", "Z")),
        )


def _settings(folder: Path) -> PipelineSettings:
    return PipelineSettings(catalog=(CATALOG,), offline_store=str(folder / "offline"))


def _shard(folder: Path, planned: PlannedShard) -> int:
    return assemble_shard(
        _settings(folder),
        "tips@1",
        as_of=_AS_OF.isoformat(),
        planned=planned,
        shard=folder / "shards" / str(planned["index"]),
    ).rows


def _merge(folder: Path, count: int) -> int:
    return merge_shards(
        _settings(folder),
        "tips@1",
        shards=[folder / "shards" / str(index) for index in range(count)],
        dataset=folder / "dataset",
    ).rows


def print_figures(console: Console) -> None:
    """Assemble datasets of each size and print what it took."""
    idle = _done("nothing", ".")
    table = columns("decisions", "shards", "rows", "rows/s", "rows per CPU second", "peak MiB, shards", "merge")
    measured = list(sizes(console))
    for size in measured:
        rows = size.merge["rows"]
        rates = (f"{rows:,}", f"{rows / size.seconds:,.0f}", f"{rows / size.cpu_seconds:,.0f}")
        peaks = [shard["peak_mib"] for shard in size.shards]
        table.add_row(
            f"{size.decisions:,}",
            f"{len(size.shards)}",
            *rates,
            f"{min(peaks):.0f} to {max(peaks):.0f}",
            f"{size.merge['peak_mib']:.0f}",
        )
    console.print(table)
    smallest, largest = measured[0], measured[-1]
    growth = math.log(largest.cpu_seconds / smallest.cpu_seconds) / math.log(largest.decisions / smallest.decisions)
    console.print(
        f"CPU time grows as the decisions to the power of {growth:.2f}; a process that reads nothing: "
        f"{idle['peak_mib']:.0f} MiB; about {SHARD:,} decisions a shard, {CANDIDATES} candidates, 2.0 kB",
        highlight=False,
    )


def _process(step: str, folder: Path, *arguments: str) -> Cost:
    started, busy, rows = time.perf_counter(), time.process_time(), 0
    match step:
        case "fill":
            first, last = arguments
            rows = _fill(folder, int(first), int(last))
        case "shard":
            rows = _shard(folder, json.loads(arguments[0]))
        case "merge":
            rows = _merge(folder, int(arguments[0]))
    return Cost(
        rows=rows,
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - busy,
        peak_mib=peak_mib(),
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _step, _folder, *_arguments = sys.argv[1:]
        json.dump(_process(_step, Path(_folder), *_arguments), sys.stdout)
    else:
        print_figures(Console())
