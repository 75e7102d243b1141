import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from oo.local import llama
from oo.local.settings import PROJECT_DIR
from oo.settings import GeneratorSettings


def test_without_its_environment_the_model_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"\.venv-llm is not there: `make llm` makes it"):
        llama.main("8090", tmp_path / ".venv-llm")


def test_the_server_runs_in_its_own_environment_with_nothing_of_ours(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    call = f"from pathlib import Path; from oo.local import llama; llama.main('8090', Path({str(tmp_path)!r}))"
    ran = subprocess.run([sys.executable, "-c", call], env=dict(os.environ), capture_output=True, text=True, check=True)  # noqa: S603  # our own program, by its path
    isolated, program, port = ran.stdout.split()
    assert (isolated, port) == ("-I", "8090")
    assert Path(program).is_file()


def test_the_generator_reads_its_settings_for_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in llama.generator_environment(8090).items():
        monkeypatch.setenv(name, value)
    settings = GeneratorSettings()
    assert settings.llm_model == (llama.MODEL,)
    assert settings.llm_api_base == "http://127.0.0.1:8090/v1"
    assert settings.llm_prices[llama.MODEL].of(1000, 1000) == 0
    assert settings.llm_timeout == llama.SECONDS


def test_without_a_compiler_the_environment_is_not_begun_and_the_remedy_is_told(tmp_path: Path) -> None:
    dirname = shutil.which("dirname")
    assert dirname
    (tmp_path / "dirname").symlink_to(dirname)
    made = subprocess.run(  # noqa: S603  # our own program, by its path
        ["/bin/sh", PROJECT_DIR / "scripts" / "llm.sh", tmp_path / "made", tmp_path / "none"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 1
    assert "cc is not there, and llama.cpp has to be compiled" in made.stderr
    assert "apt install build-essential" in made.stderr
    assert not (tmp_path / "made").exists()
