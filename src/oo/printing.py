"""How the command line and the demo show things."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from oo.events.decision import ScoreDecided
from oo.experiments.interval import wilson

if TYPE_CHECKING:  # both bring libraries that the command line must not wait for
    from oo.lineage import Lineage
    from oo.local.stack import ProcessStatus

_COLOURS = {"healthy": "green", "done": "green", "dead": "red", "stopped": "dim"}


def columns(*names: str) -> Table:
    """An empty table of these columns that fits a narrow terminal."""
    table = Table(*names, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
    return table


def rate(successes: float, n: int) -> tuple[str, str]:
    """A rate and its 95 % interval, as text."""
    if not n:
        return "none", "no exposures"
    low, high = wilson(successes, n)
    return f"{successes / n:.4f}", f"{low:.4f} to {high:.4f}"


def stack_table(states: "Iterable[ProcessStatus]") -> Table:
    """The processes of the local stack."""
    table = columns("", "", "")
    table.show_header = False
    for state in states:
        colour = _COLOURS.get(state.condition, "yellow")
        table.add_row(state.name, f"[{colour}]{state.condition}[/{colour}]", state.url or "")
    return table


def lineage_tree(lineage: "Lineage") -> Tree:
    """The path of one decision, a line a link."""
    envelope, decided = lineage.envelope, lineage.decided
    tree = Tree(f"[bold]{decided.decision_id}[/bold]  {envelope.event_type} for {escape(envelope.tenant_id)}")
    for name, found in _links(lineage):
        tree.add(f"[cyan]{name:<14}[/cyan]{escape(found)}")
    return tree


def _links(lineage: "Lineage") -> Iterable[tuple[str, str]]:
    decided, archived, scores = lineage.decided, lineage.archived, lineage.scores
    if isinstance(decided, ScoreDecided):
        signals = sum(value is not None for value in (decided.signal_features or {}).values())
        profile = sum(value is not None for value in (decided.profile_features or {}).values())
        told = f"{len(decided.context or {})} of context, {profile} of profile"
        folded = f"{signals} of signals (SIGNALS through {decided.signal_sequence})"
        yield "features", f"{decided.feature_service}: {told}, {folded}"
        if decided.model:
            yield "model", f"{decided.model.name} {decided.model.version}, sha256 {decided.model.digest[:12]}"
        yield "policy", f"{decided.policy.name}@{decided.policy.version} over {len(decided.ranking)} arms"
        yield "choice", f"tip {decided.tip_id} with propensity {decided.propensity:.4f}"
    else:
        yield "prompt", f"{decided.prompt_version}, sha256 {decided.prompt_hash[:12]}"
        yield "tip", f"{decided.tip_id}: {decided.title}"
    if decided.degraded:
        yield "degraded", ", ".join(decided.degraded)
    held = "holds the same bytes" if lineage.logged else "no longer holds it"
    yield "decision log", f"{archived.subject}, {archived.stream} {archived.sequence}: {held}"
    yield "offline store", f"day {archived.day}, {len(archived.payload)} bytes, and {len(lineage.feedback)} of feedback"
    for envelope in lineage.feedback:
        moment = f"{envelope.occurred_at:%Y-%m-%d %H:%M:%S}"
        if envelope.tip_reacted is None:
            yield "exposure", moment
        else:
            yield "reaction", f"{envelope.tip_reacted.kind.name.lower()}, {moment}"
    if scores is None:
        yield "tip_scores", "not joined yet"
    else:
        yield "tip_scores", _earned(scores)
    if lineage.trained:
        yield "training row", "of " + ", ".join(f"{v.name} {v.version}" for v in lineage.trained)
    if lineage.replayed is not None and isinstance(decided, ScoreDecided):
        same = "equal to the bit" if lineage.replayed.equals(decided) else "DIFFERENT"
        yield (
            "made again",
            f"tip {lineage.replayed.tip_id} with propensity {lineage.replayed.propensity:.4f}: {same}",
        )


def _earned(scores: Mapping[str, Any]) -> str:
    if scores["exposed_at"] is None:
        return "never exposed, so no reward, not a zero"
    if scores["reward"] is None:
        return "exposed, the window is open"
    return f"reward {scores['reward']:g}{', the reaction came late and does not count' if scores['late'] else ''}"
