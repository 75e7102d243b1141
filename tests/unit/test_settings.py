import traceback
from datetime import timedelta
from pathlib import Path

import pytest

from oo.bus.streams import BUCKETS, TIPS_BUCKET, Limits
from oo.errors import InvalidSettings
from oo.events.decision import ServingRole
from oo.settings import (
    LONGEST_KEPT,
    AccessSettings,
    ConsumerSettings,
    GeneratorSettings,
    ProcessSettings,
    ScorerSettings,
    read,
)
from oo.wiring.process import limits_of


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
    assert "soon" not in "".join(traceback.format_exception(refused.value)), "nor does a process that ends with it"


@pytest.mark.parametrize("callers", [None, ""])
def test_a_service_does_not_start_without_word_of_who_may_ask(
    monkeypatch: pytest.MonkeyPatch, callers: str | None
) -> None:
    monkeypatch.delenv("OO_CALLERS", raising=False)
    if callers is not None:
        monkeypatch.setenv("OO_CALLERS", callers)
    with pytest.raises(InvalidSettings, match="OO_CALLERS is not set: give it the path of a callers file, or the word"):
        read(AccessSettings)


def test_who_may_ask_is_a_file_or_anyone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OO_CALLERS", "anyone")
    assert read(AccessSettings).callers == "anyone"
    monkeypatch.setenv("OO_CALLERS", "/etc/oo/callers/callers.yaml")
    assert read(AccessSettings).callers == Path("/etc/oo/callers/callers.yaml")


@pytest.mark.parametrize("settings", [ScorerSettings, GeneratorSettings])
@pytest.mark.parametrize("fault", ["OO_FAULT_ERRORS_PERCENT", "OO_FAULT_DELAY_SECONDS"])
def test_stable_rehearses_no_fault(
    monkeypatch: pytest.MonkeyPatch, settings: type[ScorerSettings | GeneratorSettings], fault: str
) -> None:
    monkeypatch.setenv(fault, "0.5")
    with pytest.raises(InvalidSettings, match="only a shadow or a canary may rehearse one"):
        read(settings)
    for role in ("shadow", "canary"):
        monkeypatch.setenv("SERVING_ROLE", role)
        told = read(settings)
        assert {told.fault_errors_percent, told.fault_delay_seconds} == {0, 0.5}


def test_limits_of_streams_are_not_given_unless_somebody_gives_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits_of(read(ProcessSettings)) == Limits()
    monkeypatch.setenv("OO_STREAM_REPLICAS", "3")
    monkeypatch.setenv("OO_DEDUPE_SECONDS", "120")
    monkeypatch.setenv("OO_STREAM_MAX_AGE_DAYS", '{"SIGNALS": 14, "DLQ": 0.5}')
    monkeypatch.setenv("OO_STREAM_MAX_BYTES", '{"DECISIONS": 1000000000}')
    assert limits_of(read(ProcessSettings)) == Limits(
        replicas=3,
        dedupe_seconds=120,
        max_age={"SIGNALS": timedelta(days=14), "DLQ": timedelta(hours=12)},
        max_bytes={"DECISIONS": 1_000_000_000},
    )


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("OO_STREAM_MAX_AGE_DAYS", '{"SIGNAL": 14}', "'SIGNALS'"),
        ("OO_STREAM_MAX_AGE_DAYS", "SIGNALS=14", "stream_max_age_days.*JSON is expected"),
        ("OO_STREAM_MAX_BYTES", '{"SIGNALS": 0}', "stream_max_bytes.SIGNALS"),
        ("OO_STREAM_REPLICAS", "0", "stream_replicas"),
        ("OO_DRAIN_SECONDS", "-1", "drain_seconds"),
        ("OO_BATCH_SIZE", "0", "batch_size"),
    ],
)
def test_a_limit_that_is_none_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, named: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSettings, match=named):
        read(ConsumerSettings)


def test_draining_ends_before_the_grace_time_of_a_pod() -> None:
    assert read(ConsumerSettings).drain_seconds < 30


def test_no_tip_is_to_be_kept_longer_than_its_bucket_keeps_it() -> None:
    assert timedelta(seconds=LONGEST_KEPT) == BUCKETS[TIPS_BUCKET]
