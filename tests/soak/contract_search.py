"""Schemathesis over one running service: what it asks, what it may take for granted, and what it found."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import schemathesis
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.hooks import HookContext

from oo import catalog as catalogs
from oo.decisions.http import LARGEST
from oo.errors import InvalidFeature
from oo.features.services import Source
from oo.local.settings import PROJECT_DIR

TENANT = "example"
PROMPT = "v2"
FUZZED = 780
"""Requests made up at random for each service; those of the schema's own boundaries come on top."""

_CATALOG = catalogs.load([PROJECT_DIR / "catalog" / "tips.yaml"])
_READ = _CATALOG.service(_CATALOG.tenant(TENANT).feature_service)
_COLUMNS = {(column.source, column.name): column for column in _READ.columns}

# The same requests each time: nothing is learned from answers, whose ids are new in each run.
_CONFIG: dict[str, Any] = {
    "seed": 20_261_122,
    "continue-on-failure": True,
    "generation": {"deterministic": True, "database": "none", "max-examples": FUZZED},
    "phases": {
        "examples": {"extra-data-sources": {"responses": False}},
        "coverage": {"extra-data-sources": {"responses": False}},
        "fuzzing": {"extra-data-sources": {"responses": False}, "error-feedback": {"enabled": False}},
        "stateful": {"enabled": False},
    },
}


@dataclass
class Findings:
    """What came of asking one service."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Requests by whether they were meant to fit the schema (`positive`, `negative`), and the status of the answer."""
    phases: set[str] = field(default_factory=set)
    checks: set[str] = field(default_factory=set)
    violations: list[str] = field(default_factory=list)

    def add(self, scenario: ScenarioRecorder) -> None:
        """Take in what was asked about one operation."""
        for case_id, interaction in scenario.interactions.items():
            meta = scenario.cases[case_id].value.meta
            assert meta is not None
            assert interaction.response is not None, "a request without an answer"
            self.answers[meta.generation.mode.value, interaction.response.status_code] += 1
        for check in (check for checks in scenario.checks.values() for check in checks):
            self.checks.add(check.name)
            if check.failure_info is not None:
                failure = check.failure_info.failure
                self.violations.append(f"{failure.title}: {failure.message}\n{check.failure_info.code_sample}")


def search(url: str, token: str) -> Findings:
    """Ask the service at `url`, as the caller with this token, whatever its OpenAPI document allows and forbids."""
    config = schemathesis.Config.from_dict(_CONFIG | {"headers": {"Authorization": f"Bearer {token}"}})
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)
    schema.hook(map_case)
    findings = Findings()
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished():
                findings.add(event.recorder)
                if event.status is Status.SUCCESS:
                    findings.phases.add(event.phase.value)
            case events.NonFatalError() | events.FatalError():
                findings.violations.append(str(event))
    return findings


def map_case(_: HookContext, case: schemathesis.Case[Any]) -> schemathesis.Case[Any]:
    """The same request about what exists: a schema cannot know the tenants, the prompts and what a model reads.

    Only what fits the schema is replaced, so that a request that should be refused is refused for what is wrong in it.
    """
    if isinstance(case.body, dict):
        case.body = _sensible(case.body)
    return case


def _sensible(body: Mapping[str, Any]) -> dict[str, Any]:
    changed = dict(body)
    if _is_name(body.get("tenant_id")):
        changed["tenant_id"] = TENANT
    if _is_text(body.get("prompt_version"), 64):
        changed["prompt_version"] = PROMPT
    if isinstance(profile := body.get("profile_features"), dict):
        changed["profile_features"] = _readable("profile", profile)
    if isinstance(context := body.get("context"), dict):
        changed["context"] = _readable("context", context)
    if isinstance(candidates := body.get("candidates"), list):
        changed["candidates"] = [_candidate(number, sent) for number, sent in enumerate(candidates)]
    return changed


def _candidate(number: int, sent: object) -> object:
    if not isinstance(sent, dict):
        return sent
    changed = dict(sent)
    if _is_name(sent.get("tip_id")):
        changed["tip_id"] = f"{number} {sent['tip_id']}"[:256]
    if isinstance(features := sent.get("features"), dict):
        changed["features"] = _readable("candidate", features)
    return changed


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _is_text(value, 256) and "\0" not in value


def _readable(source: Source, sent: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in sent.items() if not _is_of_another_type(source, name, value)}


def _is_of_another_type(source: Source, name: str, value: object) -> bool:
    """Whether the schema allows this value and the model of the tenant does not."""
    column = _COLUMNS.get((source, name))
    typed_by_schema = isinstance(value, str | bool) and source == "profile"
    if column is None or typed_by_schema or not isinstance(value, str | int | float):
        return False
    if not isinstance(value, str) and abs(value) > LARGEST:
        return False
    try:
        column.encode([value], np.zeros((1, column.width), np.float32))
    except InvalidFeature:
        return True
    return False
