from pathlib import Path

import pytest

from oo.errors import PipelineFailed
from oo.settings import PipelineSettings, read
from pipelines.local_run import run, variables

TWO_STEPS = "tests.unit.pipelines.two_steps:two_steps"


def test_a_run_tells_its_steps_and_returns_its_output(tmp_path: Path) -> None:
    steps: list[str] = []
    assert run(TWO_STEPS, '{"number": 7}', (), tmp_path / "runs" / "log", steps.append) == "seven"
    assert steps == ["write", "read"]


def test_a_step_that_refuses_is_named_with_its_sentence(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(PipelineFailed) as failure:
        run(TWO_STEPS, '{"number": -3}', (), log, lambda _: None)
    assert str(failure.value) == (
        f"step 'read': -3 rows are too few; wait for more. Everything that it said is in {log}"
    )
    assert "Traceback" in log.read_text()


def test_a_step_that_breaks_is_named_and_its_log_kept(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(PipelineFailed, match="step 'read': it ended without a reason of ours"):
        run(TWO_STEPS, '{"number": 0}', (), log, lambda _: None)
    assert "ZeroDivisionError" in log.read_text()


def test_a_run_leaves_this_process_as_it_was(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = print
    run(TWO_STEPS, '{"number": 7}', (), tmp_path / "log", lambda _: None)
    assert print is before
    assert capfd.readouterr() == ("", "")


def test_steps_find_the_sources_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert run(TWO_STEPS, '{"number": 7}', (), tmp_path / "log", lambda _: None) == "seven"


def test_steps_read_the_settings_that_the_run_was_given_its_password_too() -> None:
    given = {"OO_NATS_USER": "promoter", "OO_NATS_PASSWORD": "hidden elsewhere", "OO_CATALOG": "a.yaml,b.yaml"}
    settings = read(PipelineSettings, given)
    assert read(PipelineSettings, variables((settings,))) == settings
    assert "hidden" not in str(settings)
