"""Writes the contracts of HTTP and of the bus as schemas into docs/api: `python -m scripts.api_docs`."""

import json
from pathlib import Path
from typing import Any, Never

from pydantic.json_schema import GenerateJsonSchema

from bentos.generator.app import create_app as generator_app
from bentos.scorer.app import create_app as scorer_app
from oo.events.envelope import Envelope

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "api"


class _WithoutTitles(GenerateJsonSchema):
    """As in `oo.decisions.http`: the title of a field only repeats its name."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002  # pydantic's own signature
        return False


def _connect() -> Never:
    raise AssertionError("a document needs no connection")


def documents() -> dict[str, str]:
    """What docs/api holds beside its README, as text by file name."""
    contents: dict[str, dict[str, Any]] = {
        "scorer.openapi.json": scorer_app(_connect, _connect, max_body_bytes=0).openapi(),
        "generator.openapi.json": generator_app(_connect, _connect, max_body_bytes=0).openapi(),
        "events.v1.schema.json": {
            "$schema": GenerateJsonSchema.schema_dialect,
            **Envelope.model_json_schema(schema_generator=_WithoutTitles),
        },
    }
    return {name: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for name, content in contents.items()}


def main() -> None:
    """Renew the files."""
    for name, text in documents().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
