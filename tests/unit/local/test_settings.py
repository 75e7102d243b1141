from pathlib import Path

import pytest
from pydantic import ValidationError

from oo.local.settings import PROJECT_DIR, StackSettings


def test_state_lies_in_the_project_unless_a_variable_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert StackSettings().state_dir == PROJECT_DIR / ".oo"
    monkeypatch.setenv("OO_STATE_DIR", "~/state")
    assert StackSettings().state_dir == Path("~/state").expanduser().resolve()


def test_the_state_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert StackSettings(state_dir=Path("state")).state_dir == tmp_path.resolve() / "state"


def test_each_port_has_a_variable_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OO_LOCAL_LLM", "true")
    names = list(StackSettings().ports)
    for port, name in enumerate(names, start=20000):
        monkeypatch.setenv(name, str(port))
    assert StackSettings().ports == {name: port for port, name in enumerate(names, start=20000)}


def test_one_port_for_two_is_refused_with_both_names() -> None:
    with pytest.raises(ValidationError, match="OO_MLFLOW_PORT and OO_SCORER_PORT are both 3000"):
        StackSettings(mlflow_port=3000)


@pytest.mark.parametrize("port", [0, 65536])
def test_a_port_out_of_range_is_refused(port: int) -> None:
    with pytest.raises(ValidationError):
        StackSettings(nats_port=port)


def test_the_port_of_a_model_that_does_not_run_is_free_for_others() -> None:
    assert 8090 not in StackSettings().ports.values()
    assert StackSettings(scorer_port=8090).scorer_port == 8090
    with pytest.raises(ValidationError, match="OO_SCORER_PORT and OO_LOCAL_LLM_PORT are both 8090"):
        StackSettings(scorer_port=8090, local_llm=True)
