"""Write the tables of the charts' READMEs: each value with its default and the comment that stands above it.

What a README says before `## Values` is people's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

HELM = Path(__file__).resolve().parent.parent / "helm"
_HEADING = "## Values\n"


@dataclass(frozen=True)
class Value:
    """A key of a `values.yaml` that a person may set, or a group of them."""

    path: str
    comment: str
    default: str | None
    """As YAML on one line; None for a group."""


def values(text: str) -> Iterator[Value]:
    """Return the values of a `values.yaml` in its order. What is written within `{}` or `[]` is one value."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # noqa: S101 - a chart without values needs no README
    yield from _values(root, text.splitlines(), "")


def _values(node: yaml.MappingNode, lines: list[str], prefix: str) -> Iterator[Value]:
    for key, value in node.value:
        path = prefix + (f'"{key.value}"' if "." in key.value else key.value)
        comment = _comment_above(lines, key.start_mark.line)
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            yield Value(path, comment, None)
            yield from _values(value, lines, f"{path}.")
        else:
            written = yaml.safe_load(yaml.serialize(value))
            flow = yaml.safe_dump(written, default_flow_style=True, width=10_000, sort_keys=False)
            yield Value(path, comment, flow.removesuffix("\n...\n").strip())


def _comment_above(lines: list[str], line: int) -> str:
    above: list[str] = []
    while line > 0 and (text := lines[line - 1].strip()).startswith("#"):
        above.insert(0, text.removeprefix("#").strip())
        line -= 1
    return " ".join(above)


def readme(chart: Path) -> str:
    """Return what the README of the chart in this folder should say."""
    told = yaml.safe_load((chart / "Chart.yaml").read_text())
    written = chart / "README.md"
    head = written.read_text() if written.exists() else f"# {told['name']}\n\n{told['description']}\n\n"
    rows = "".join(
        f"| **`{value.path}`** | | **{_cell(value.comment)}** |\n"
        if value.default is None
        else f"| `{value.path}` | `{_cell(value.default)}` | {_cell(value.comment)} |\n"
        for value in values((chart / "values.yaml").read_text())
    )
    return f"{head.partition(_HEADING)[0]}{_HEADING}\n| Value | Default | |\n|---|---|---|\n{rows}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def charts() -> list[Path]:
    """Return the folders of our charts."""
    return sorted(path.parent for path in HELM.glob("*/Chart.yaml"))


def main() -> None:
    """Write them all."""
    for chart in charts():
        (chart / "README.md").write_text(readme(chart))


if __name__ == "__main__":
    main()
