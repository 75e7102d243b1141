"""The figures of docs/generator-real-model.md."""

import math
import os
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from oo.events.decision import GenerateDecided

BEGIN, END = "<!-- figures: `make test-llm` writes them -->\n", "<!-- end of figures -->\n"


@dataclass(frozen=True, slots=True)
class Answered:
    """A decision as it was recorded, and how long the caller waited for it."""

    decided: GenerateDecided
    seconds: float

    @property
    def by_model(self) -> bool:
        return self.decided.model is not None


def write(document: Path, answered: Sequence[Answered]) -> None:
    """Put the figures where the document marks their place."""
    text = document.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    document.write_text(f"{head}{BEGIN}\n{table(answered)}\n{samples(answered)}\n{END}{tail}", encoding="utf-8")


def table(answered: Sequence[Answered]) -> str:
    versions = sorted({each.decided.prompt_version for each in answered})
    columns = [[each for each in answered if each.decided.prompt_version == version] for version in versions]
    columns.append(list(answered))

    def row(name: str, cell: Callable[[Sequence[Answered]], str]) -> str:
        return f"| {name} | {' | '.join(cell(column) for column in columns)} |\n"

    def share(name: str, holds: Callable[[Answered], bool]) -> str:
        return row(name, lambda column: _share(sum(map(holds, column)), len(column)))

    reasons = _by_frequency(reason for each in answered for reason in each.decided.degraded)
    faults = _by_frequency(fault for each in answered for fault in each.decided.refusals)
    return "".join(
        (
            f"{len(answered)} tips, one after another, on {os.cpu_count()} processors:\n\n",
            f"| | {' | '.join(versions)} | all |\n",
            f"|---|{'---|' * len(columns)}\n",
            row("tips", lambda column: str(len(column))),
            share("the model's, valid at once", lambda each: each.by_model and not each.decided.repaired),
            share("the model's, after one repair", lambda each: each.by_model and each.decided.repaired),
            share("the template's", lambda each: not each.by_model),
            *(share(f"the template's for `{reason}`", _has_reason(reason)) for reason in reasons),
            *(share(f"an answer refused for `{fault}`", _was_refused_for(fault)) for fault in faults),
            row("prompt tokens a second", lambda column: _rate(column, lambda decided: decided.prompt_tokens)),
            row("completion tokens a second", lambda column: _rate(column, lambda decided: decided.completion_tokens)),
            row("latency p50", lambda column: f"{statistics.median(each.seconds for each in column):.1f} s"),
            row("latency p95", lambda column: f"{_p95([each.seconds for each in column]):.1f} s"),
        )
    )


def samples(answered: Sequence[Answered], count: int = 3) -> str:
    """Tips of the model, from as many languages and prompt versions as there are."""
    chosen: dict[object, GenerateDecided] = {}
    for decided in (each.decided for each in answered if each.by_model):
        chosen.setdefault((decided.language, decided.prompt_version), decided)
    return "Tips that the model wrote and a person would have seen:\n\n" + "".join(
        f"- {decided.prompt_version}, {decided.language}, {decided.topic}: **{decided.title}** {decided.body}\n"
        for decided in list(chosen.values())[:count]
    )


def _has_reason(reason: str) -> Callable[[Answered], bool]:
    return lambda each: reason in each.decided.degraded


def _was_refused_for(fault: str) -> Callable[[Answered], bool]:
    return lambda each: fault in each.decided.refusals


def _by_frequency(names: Iterable[str]) -> list[str]:
    return [name for name, _ in Counter(names).most_common()]


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})" if part else "0"


def _rate(column: Sequence[Answered], tokens: Callable[[GenerateDecided], int]) -> str:
    """Over all time that callers waited for answers that the model gave."""
    told = [each for each in column if each.decided.completion_tokens]
    seconds = sum(each.seconds for each in told)
    return f"{sum(tokens(each.decided) for each in told) / seconds:.0f}" if seconds else "none"


def _p95(seconds: Sequence[float]) -> float:
    return sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1]
