from pathlib import Path

import pytest

from oo.local import llama
from oo.local.processes import Process, environment, processes
from oo.local.settings import StackSettings


@pytest.fixture(params=[False, True], ids=["offline", "local_llm"])
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> StackSettings:
    return StackSettings(state_dir=tmp_path, local_llm=request.param)


@pytest.fixture
def table(settings: StackSettings) -> dict[str, Process]:
    return {process.name: process for process in processes(settings)}


def test_a_process_stands_after_all_that_it_needs(table: dict[str, Process]) -> None:
    names = list(table)
    for position, process in enumerate(table.values()):
        assert set(process.needs) <= set(names[:position])


def test_every_port_of_the_settings_belongs_to_one_process(settings: StackSettings, table: dict[str, Process]) -> None:
    ports = [pair for process in table.values() for pair in process.ports.items()]
    assert sorted(ports) == sorted(settings.ports.items())


def test_every_process_listens_on_its_own_ports(table: dict[str, Process]) -> None:
    for process in table.values():
        told = {*process.command, *process.environment.values()}
        assert {str(port) for port in process.ports.values()} <= told


def test_every_process_is_healthy_at_an_address_of_its_own_or_is_a_task(table: dict[str, Process]) -> None:
    health = [process.health for process in table.values() if process.name != "bootstrap"]
    assert None not in health
    assert len(set(health)) == len(health)
    assert table["bootstrap"].health is None


def test_the_services_answer_anyone_on_this_machine_unless_told_otherwise(tmp_path: Path) -> None:
    def told(settings: StackSettings) -> list[str]:
        return [p.environment["OO_CALLERS"] for p in processes(settings) if "OO_CALLERS" in p.environment]

    assert told(StackSettings(state_dir=tmp_path)) == ["anyone"] * 4
    assert told(StackSettings(state_dir=tmp_path, callers="callers.yaml")) == ["callers.yaml"] * 4


def test_all_that_is_written_lies_in_the_state_folder(settings: StackSettings) -> None:
    values = environment(settings)
    for name in ("OO_OFFLINE_STORE", "OO_TIP_SCORES_URL", "OO_PIPELINE_ROOT"):
        assert str(settings.state_dir) in values[name]


def test_no_process_of_python_phones_home(table: dict[str, Process]) -> None:
    for process in table.values():
        if process.name != "nats":
            assert process.environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
            assert process.environment["BENTOML_DO_NOT_TRACK"] == "True"
            assert process.environment["ORT_DISABLE_TELEMETRY"] == "1"
            assert process.environment["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"


def test_the_generator_asks_the_local_language_model_only_when_told_to(tmp_path: Path) -> None:
    names = []
    for local_llm in (False, True):
        table = processes(StackSettings(state_dir=tmp_path, local_llm=local_llm, local_llm_port=8099))
        names.append([process.name for process in table])
        [generator] = [process for process in table if process.name == "generator"]
        assert (generator.environment.get("OO_LLM_API_BASE") == "http://127.0.0.1:8099/v1") is local_llm
        assert (generator.environment.get("OO_LLM_MODEL") == llama.MODEL) is local_llm
    assert names[1] == [*names[0], "llm"]
