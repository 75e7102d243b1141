"""The installed program itself, from a folder that is not the project's."""

import subprocess
import sys
from pathlib import Path

OO = Path(sys.executable).parent / "oo"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([OO, *arguments], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603  # ours


def test_the_installed_program_finds_the_pipelines_from_any_folder(tmp_path: Path) -> None:
    refused = run(tmp_path, "pipeline", "run", "promote", "digits", "--host", "http://127.0.0.1:9")
    assert refused.returncode == 1
    assert "the Kubeflow Pipelines server at http://127.0.0.1:9 cannot be asked" in refused.stderr.replace("\n", " ")


def test_two_places_for_one_run_are_refused(tmp_path: Path) -> None:
    refused = run(tmp_path, "pipeline", "run", "promote", "digits", "--local", "--host", "http://127.0.0.1:9")
    assert refused.returncode == 2
    assert "give one of them" in refused.stderr
