"""How the command line shows model versions, what was live, and the history."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from oo.printing import columns, readable

if TYPE_CHECKING:
    from oo.registry.history import Recorded, Transition
    from oo.registry.registry import ModelVersion
    from oo.rollout.live import Live
    from oo.training.differences import Difference

_HASH_SHOWN = 12


def version_table(versions: "Iterable[tuple[ModelVersion, Sequence[str]]]") -> Table:
    """Versions with their aliases."""
    table = columns("model", "version", "feature service", "digest", "is")
    for version, aliases in versions:
        table.add_row(
            escape(version.name),
            f"{version.version}",
            version.feature_service,
            version.digest[:_HASH_SHOWN],
            ", ".join(aliases),
        )
    return table


def fact_table(version: "ModelVersion", aliases: "Sequence[str]", tags: Mapping[str, str]) -> Table:
    """What is known of a version, a line a fact."""
    table = columns("", "")
    table.show_header = False
    table.add_row("model", escape(f"{version.name} {version.version}"))
    table.add_row("is", ", ".join(aliases) or "under no alias")
    table.add_row("sha256", version.digest)
    table.add_row("feature service", f"{version.feature_service}, digest {version.feature_digest}")
    for tag, value in sorted(tags.items()):
        table.add_row(_text(tag), _text(value))
    return table


def difference_table(before: str, after: str, found: "Iterable[Difference]") -> Table:
    """The facts that differ."""
    table = columns("fact", before, after)
    for name, old, new in found:
        table.add_row(_text(name), _value(old), _value(new))
    return table


def history_table(recorded: "Iterable[Recorded]") -> Table:
    """Transitions, one a line."""
    table = columns("when (UTC)", "kind", "name", "version", "is", "champion", "who", "why", "evidence", "image")
    for one in recorded:
        told = one.transition
        table.add_row(
            _when(told),
            told.subject.kind,
            _text(told.subject.name),
            _text(told.version),
            _stage(told.stage, told.percent),
            _text(told.champion or ""),
            *_because(told),
            _text(told.image or ""),
        )
    return table


def live_table(live: "Iterable[Live]") -> Table:
    """What was live, one version a line, and what made it so."""
    table = columns("kind", "name", "version", "was", "since (UTC)", "who", "why", "evidence")
    for one in live:
        table.add_row(
            one.subject.kind,
            _text(one.subject.name),
            _text(one.version),
            _stage(one.stage, one.percent),
            *((_when(one.by), *_because(one.by)) if one.by else ("before the history",)),
        )
    return table


def _because(told: "Transition") -> tuple[str, str, str]:
    return _text(told.who), _text(told.why), (told.evidence or "")[:_HASH_SHOWN]


def _when(told: "Transition") -> str:
    return f"{told.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _stage(stage: str, percent: int) -> str:
    return stage.replace("_", " ") + (f" {percent} %" if percent else "")


def _text(text: str) -> str:
    return escape(readable(text))


def _value(value: Any) -> str:  # noqa: ANN401  # a manifest holds what JSON holds
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else _text(f"{value}")
