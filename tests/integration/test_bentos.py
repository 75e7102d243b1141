"""Each service becomes a bento from its bentofile, as the README says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("service", ["scorer", "generator"])
def test_a_bento_is_built_with_all_that_its_service_reads(service: str, tmp_path: Path) -> None:
    # Who may ask is the word of a deployment, not of a build.
    unset = {name: value for name, value in os.environ.items() if name != "OO_CALLERS"}
    built = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-m", "bentoml", "build", "-f", f"bentos/{service}/bentofile.yaml", "."],
        cwd=ROOT,
        env=unset | {"BENTOML_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (bento,) = (tmp_path / "bentos" / f"oo_{service}").glob("*/src")
    expected = ["bentos/lean.py", f"bentos/{service}/service.py", "catalog/tips.yaml", "oo/catalog.py"]
    if service == "generator":
        expected += ["oo/prompts/tips/v1.yaml", "oo/prompts/tips/prompts.lock"]
    assert [path for path in expected if not (bento / path).is_file()] == []
    locked = (bento.parent / "env" / "python" / "requirements.txt").read_text(encoding="utf-8")
    assert "--hash=sha256:" in locked
