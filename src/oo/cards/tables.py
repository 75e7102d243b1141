"""Facts as people read them, in Markdown."""

import json
from collections.abc import Iterable, Mapping, Sequence

from oo.cards.facts import Check, Facts, GeneratorFacts, ModelFacts, PolicyFacts


def tables(facts: Facts) -> str:
    """The facts as headings, tables and lists."""
    match facts:
        case ModelFacts():
            return _model(facts)
        case PolicyFacts():
            return _policy(facts)
        case GeneratorFacts():
            return _generator(facts)


def _model(facts: ModelFacts) -> str:
    dataset, fit = facts.dataset, facts.fit
    lines = {
        "Model": f"{facts.name} {facts.version}",
        "SHA-256 of the ONNX file": f"`{facts.digest}`",
        "Feature service": f"{facts.feature_service}, digest `{facts.feature_digest}`",
        "Inputs": ", ".join(facts.inputs),
        "Decisions": f"{dataset['rows']}, from {dataset['first_decided_at']} to {dataset['last_decided_at']}",
        "Left out": _counts(dataset["excluded"]) or "none",
        "Known as of": f"{dataset['as_of']}, version {dataset['table_version']} of the offline store",
        "SHA-256 of the rows": f"`{dataset['rows_sha256']}`",
        "Recipe": f"{fit['recipe']}, seed {fit['seed']}",
        "Parameters": f"{_counts(fit['parameters'])}; searched on {fit['searched_rows']} rows",
        "Log loss in the search": _counts(fit["log_loss"]),
        "Calibration": _counts(fit["calibration"]),
        "Parity": f"at most {fit['parity_difference']:.2g} apart over {fit['parity_rows']} rows",
    }
    steps = (
        (
            step.at,
            f"{step.stage} {step.percent} %" if step.percent else step.stage,
            step.who,
            step.why,
            _short(step.evidence),
        )
        for step in facts.rollout
    )
    history = _table(("when", "it became", "who", "why", "evidence"), steps) if facts.rollout else "None yet."
    return "\n\n".join(
        (
            _table(("", ""), lines.items()),
            f"### What the gates said\n\n{_checks(facts.checks)}",
            f"### Rollout\n\n{history}",
        )
    )


def _checks(checks: Sequence[Check]) -> str:
    rows = ((check.name, "pass" if check.passed else "no", check.sentence, _figures(check.figures)) for check in checks)
    return _table(("gate", "", "why", "figures"), rows)


def _policy(facts: PolicyFacts) -> str:
    reads = [
        name
        for name, needed in (("the model's scores", facts.needs_scores), ("what was learned", facts.needs_state))
        if needed
    ]
    used = ((use.tenant, use.version, _counts(use.parameters)) for use in facts.used)
    return "\n\n".join(
        (
            f"{facts.does} It reads {' and '.join(reads) or 'neither scores nor what was learned'}.",
            "### Parameters\n\n"
            + _table(("name", "schema"), ((name, f"`{json.dumps(of)}`") for name, of in facts.parameters.items())),
            "### Used by\n\n" + (_table(("tenant", "version", "parameters"), used) if facts.used else "Nobody."),
        )
    )


def _generator(facts: GeneratorFacts) -> str:
    prompts = (
        (
            f"{prompt.version}{' (retired)' if prompt.retired else ''}",
            prompt.owner,
            prompt.released_on,
            ", ".join(prompt.languages),
            ", ".join(prompt.variables),
            _counts(prompt.parameters),
            _short(prompt.hash),
        )
        for prompt in facts.prompts
    )
    heads = ("version", "owner", "released on", "languages", "is told", "parameters", "hash")
    return "\n\n".join(
        (
            f"### Prompt versions\n\n{_table(heads, prompts)}",
            f"### Guardrails\n\n{_table(('refused for', 'rules owned by'), facts.guardrails.items())}",
        )
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows)
    return "\n".join((f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *lines))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _counts(values: object) -> str:
    if not isinstance(values, Mapping):
        return str(values)
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in values.items())


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _figures(figures: Mapping[str, float | None]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {'?' if value is None else f'{value:.4g}'}" for name, value in figures.items()
    )


def _short(digest: str | None) -> str:
    return f"`{digest[:12]}`" if digest else ""
