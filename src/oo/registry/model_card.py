"""A model's card: facts that a pipeline writes between two markers, and judgement that people write around them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oo.registry.registry import ModelVersion

BEGIN, END = "<!-- facts: written by the pipeline -->", "<!-- end of facts -->"
_JUDGEMENT = """
## Intended use

To be written by the people who answer for this model.

## Limits

The holdout is what the champion of its time chose: a row that was never shown is not in it.
"""


def facts(version: ModelVersion, manifest: Mapping[str, Any], verdict: Sequence[str]) -> str:
    """The facts of a version in Markdown.

    Args:
        version: the version.
        manifest: its manifest.json, with `dataset` and `fit`.
        verdict: what the gates said, a sentence each.
    """
    dataset, fit = manifest["dataset"], manifest["fit"]
    excluded = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in dataset["excluded"].items())
    recipes = ", ".join(f"{recipe} {loss:.4f}" for recipe, loss in fit["log_loss"].items())
    lines = {
        "Model": f"{version.name} {version.version}",
        "SHA-256 of the ONNX file": f"`{version.digest}`",
        "Feature service": f"{version.feature_service}, digest `{version.feature_digest}`",
        "Decisions": f"{dataset['rows']}, from {dataset['first_decided_at']} to {dataset['last_decided_at']}",
        "Left out": excluded or "none",
        "Tenants": ", ".join(dataset["tenants"]),
        "Known as of": f"{dataset['as_of']}, version {dataset['table_version']} of the offline store",
        "SHA-256 of the rows": f"`{dataset['rows_sha256']}`",
        "Train/serve skew": f"{dataset['skew']['differing']} of {dataset['skew']['checked']} signal values differ",
        "Recipe": f"{fit['recipe']} (cross-validated log loss: {recipes}), seed {fit['seed']}",
        "Parity": f"at most {fit['parity_difference']:.2g} apart over {fit['parity_rows']} rows",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in lines.items())
    said = "\n".join(f"- {sentence}" for sentence in verdict)
    return f"| | |\n|---|---|\n{table}\n\n### Verdict\n\n{said}"


def render(name: str, facts_: str, existing: str | None = None) -> str:
    """The card of model `name` with these facts; what people wrote around the markers of an existing card stays.

    Args:
        name: the model.
        facts_: Markdown, as `facts` gives it.
        existing: the card to renew; one without markers gets the facts at its end.
    """
    block = f"{BEGIN}\n\n{facts_}\n\n{END}"
    if existing is None:
        return f"# {name}\n\n{block}\n{_JUDGEMENT}"
    before, begin, rest = existing.partition(BEGIN)
    after = rest.partition(END)[2] if begin else "\n"
    return f"{before}{block}{after}"


def facts_of(card: str) -> str:
    """The facts between the markers of a card."""
    return card.partition(BEGIN)[2].partition(END)[0].strip()


def write(path: Path, name: str, facts_: str) -> None:
    """Write the card of model `name` to `path`, or renew the facts of the one that is there."""
    existing = path.read_text(encoding="utf-8") if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(name, facts_, existing), encoding="utf-8")
