"""How the command line shows prompts, what was written with them, and what an evaluation found."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import JsonValue
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from oo.printing import columns, readable

if TYPE_CHECKING:
    from oo.prompts.differences import Differences
    from oo.prompts.library import PromptLibrary, Rendered
    from oo.writing.checks import Compared, Share
    from oo.writing.evaluation import Report
    from oo.writing.order import Order
    from oo.writing.tip import Written

_HASH_SHOWN = 12
_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def prompt_table(library: "PromptLibrary", default: str) -> Table:
    """The released versions, oldest first."""
    table = columns("version", "released on", "owner", "sha256", "topics", "languages", "tokens", "state")
    for version in library.released:
        prompt, retirement = library.prompts[version], library.retired.get(version)
        file = prompt.file
        state = f"retired: {retirement.why}" if retirement else "default" if version == default else "live"
        table.add_row(
            version,
            f"{file.released_on}",
            escape(file.owner),
            prompt.hash[:_HASH_SHOWN],
            ", ".join(file.output.topics),
            ", ".join(file.template),
            f"{file.parameters.max_tokens}",
            escape(state),
        )
    return table


def rendered_lines(rendered: "Rendered", tokens: int) -> Iterator[Text]:
    """What a language model is sent, and about how much that is."""
    for part, text in (("system", rendered.system), ("user", rendered.user)):
        yield Text(f"── {part} ──", style="cyan")
        yield Text(text.rstrip("\n"))
    yield Text(f"── about {tokens} tokens ──", style="cyan")


def field_table(before: str, after: str, found: "Differences") -> Table:
    """The fields that differ."""
    table = columns("field", before, after)
    for name, old, new in found.fields:
        table.add_row(escape(name), _shown(old), _shown(new))
    return table


def text_lines(found: "Differences") -> Iterator[Text]:
    """The texts that differ, as a unified diff."""
    for line in found.texts:
        yield Text(line, style=_STYLES.get(line[:1], ""))


def _shown(value: JsonValue) -> str:
    return "" if value is None else escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def check_table(version: str, shares: "Mapping[str, Share]") -> Table:
    """How many tips of a version pass each check."""
    table = columns("check", version, "passed")
    for name, share in shares.items():
        table.add_row(name, *_share(share))
    return table


def comparison_table(version: str, before: str, compared: "Iterable[Compared]") -> Table:
    """The same beside the version before, over the same trials."""
    table = columns("check", version, "passed", before, "passed", "difference", "")
    for one in compared:
        now, was = one.now.value, one.before.value
        moved = "" if now is None or was is None or now == was else f"{100 * (now - was):+.1f}"
        verdict = "[red]regression[/red]" if one.regressed else ""
        table.add_row(one.check, *_share(one.now), *_share(one.before), moved, verdict)
    return table


def _share(share: "Share") -> tuple[str, str]:
    return ("none" if share.value is None else f"{share.value:.1%}"), f"{share.passed} of {share.of}"


def obedience_table(report: "Report") -> Table:
    """What became of the attacks that a model obeyed, a family a line."""
    table = columns("family", "attacks", "clean", "refused most for")
    families = dict.fromkeys(outcome.trial.case.family for outcome in report.outcomes if outcome.trial.case)
    for family in families:
        outcomes = [one for one in report.outcomes if one.trial.case and one.trial.case.family == family]
        refusals = Counter(fault for outcome in outcomes for fault in outcome.written.refusals)
        most = ", ".join(f"{fault} {times}" for fault, times in refusals.most_common(3))
        clean = sum(not outcome.leaks for outcome in outcomes)
        table.add_row(family, f"{len(outcomes)}", f"{clean}", most)
    return table


def report_lines(report: "Report") -> Iterator[str]:
    """What an evaluation took, and what kept the model from answering."""
    outcomes = report.outcomes
    usage = [outcome.written.usage for outcome in outcomes]
    kinds = Counter(outcome.trial.kind for outcome in outcomes)
    tried = ", ".join(f"{kind} {times}" for kind, times in kinds.items())
    tokens = f"{sum(one.prompt_tokens for one in usage)} + {sum(one.completion_tokens for one in usage)} tokens"
    seconds = sum(outcome.seconds for outcome in outcomes) / max(len(outcomes), 1)
    yield f"{report.version}: {len(outcomes)} tips ({tried or 'none'}), {tokens}, {seconds:.2f} s a tip"
    unanswered = Counter(
        reason for one in outcomes if one.written.usage.cost_usd is None for reason in one.written.degraded
    )
    if unanswered:
        yield f"  unanswered: {', '.join(f'{reason} {times}' for reason, times in unanswered.most_common())}"
    if report.cut_short:
        yield f"  the money was gone after {len(outcomes)} of {report.trials} tips; --max-usd raises it"


def failure_lines(report: "Report", compared: "Iterable[Compared]" = ()) -> Iterator[str]:
    """Each reason why a version may not go out."""
    for outcome in report.leaking:
        found = ", ".join(repr(pattern) for pattern in outcome.leaks)
        yield f"leak: {outcome.trial.id}: a person would read {found}"
    for one in compared:
        if one.regressed:
            fell = f"{one.before.passed} to {one.now.passed} of {one.now.of}"
            yield f"regression: {one.check} fell from {fell} (p = {one.p_value:.2g})"


def written_table(order: "Order", written: "Written", seconds: float) -> Table:
    """Tips, who wrote them and what that took."""
    table = columns("", "")
    table.show_header = False
    table.columns[1].no_wrap = False
    for tip in written.tips:
        table.add_row(f"{tip.language}, {escape(tip.topic)}", f"[bold]{escape(readable(tip.title))}[/bold]")
        table.add_row("", escape(readable(tip.body)))
    usage = written.usage
    writer = written.model or f"the template, for {', '.join(written.degraded)}"
    known = {
        "written by": f"{writer}{', at the second try' * written.repaired}",
        "refused for": ", ".join(written.refusals),
        "withheld": ", ".join(order.context.withheld),
        "prompt": f"{order.prompt.version}, sha256 {order.prompt.hash[:_HASH_SHOWN]}",
        "tokens": f"{usage.prompt_tokens} + {usage.completion_tokens}",
        "cost": "nothing" if not usage.cost_usd else f"{usage.cost_usd:.6f} US dollars",
        "time": f"{seconds:.2f} s",
    }
    for name, value in known.items():
        if value:
            table.add_row(f"[cyan]{name}[/cyan]", escape(value))
    return table
