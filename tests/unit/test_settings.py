from pathlib import Path

import pytest

from oo.errors import InvalidSettings
from oo.events.decision import ServingRole
from oo.settings import GeneratorSettings, ProcessSettings, ScorerSettings, read


def test_catalog_files_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OO_CATALOG", "a.yaml,b/c.yaml")
    assert read(ProcessSettings).catalog == (Path("a.yaml"), Path("b/c.yaml"))


def test_a_pod_learns_its_role_from_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(ScorerSettings).serving_role is ServingRole.STABLE
    monkeypatch.setenv("SERVING_ROLE", "shadow")
    assert read(ScorerSettings).serving_role is ServingRole.SHADOW


def test_the_default_prompt_version_has_no_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(GeneratorSettings).default_prompt_version == "v1"
    monkeypatch.setenv("DEFAULT_PROMPT_VERSION", "v2")
    assert read(GeneratorSettings).default_prompt_version == "v2"


def test_a_key_does_not_show_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OO_LLM_API_KEY", "very-secret")
    assert "very-secret" not in repr(read(GeneratorSettings))


def test_a_malformed_variable_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OO_DECISION_LOG_TIMEOUT", "soon")
    with pytest.raises(InvalidSettings, match="decision_log_timeout") as refused:
        read(ScorerSettings)
    assert "soon" not in str(refused.value)
