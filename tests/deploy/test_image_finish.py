"""What becomes of the packages and our code on their way into an image."""

import subprocess
import sys
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest

from scripts.images.finish import finish
from tests.deploy.test_images import program

FILES = {
    "opt/oo/site/lib/__init__.py": "import lib.used\n",
    "opt/oo/site/lib/used.py": "ANSWER = 42\n",
    "opt/oo/site/lib/unused.py": "",
    "opt/oo/site/lib/types.pyi": "",
    "opt/oo/site/lib/tests/test_lib.py": "",
    "opt/oo/site/lib-1.dist-info/METADATA": "Name: lib\n",
    "opt/oo/site/lib-1.dist-info/RECORD": "",
    "opt/oo/site/bin/lib": "",
    "app/oo/__init__.py": "",
    "app/oo/answer.py": "from lib.used import ANSWER\n",
    "app/oo/elsewhere.py": "import a_package_of_another_image\n",
    "app/oo/__main__.py": "raise SystemExit(1)\n",
    "app/helm/program.py": "raise SystemExit(1)\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / "image" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    program(tmp_path / "image/opt/oo", "start", "exit 0")
    return tmp_path / "image"


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_tests_commands_and_an_installers_memory_are_left_out_and_what_is_imported_is_compiled(root: Path) -> None:
    finish(root)
    left = set(files(root))
    gone = {"bin/lib", "lib/types.pyi", "lib/tests/test_lib.py", "lib-1.dist-info/RECORD"}
    compiled = {"opt/oo/site/lib/__init__", "opt/oo/site/lib/used", "app/oo/__init__", "app/oo/answer"}
    assert {name for name in FILES if name not in left} == {f"opt/oo/site/{name}" for name in gone}
    caches = {
        f"{Path(name).parent}/__pycache__/{Path(name).name}.{sys.implementation.cache_tag}.pyc" for name in compiled
    }
    # This one stops in the middle, at what the image does not have.
    assert {name for name in left if name.endswith(".pyc")} == caches


def test_what_is_compiled_needs_no_time_and_knows_its_place_in_the_image(root: Path) -> None:
    finish(root)
    (cache,) = (root / "opt/oo/site/lib/__pycache__").glob("used.*")
    compiled = cache.read_bytes()
    assert compiled[:8] == MAGIC_NUMBER + b"\x01\x00\x00\x00"  # by hash, and not looked at again
    assert b"/opt/oo/site/lib/used.py" in compiled
    assert str(root).encode() not in compiled


def test_two_machines_that_differ_in_time_and_umask_give_the_same(root: Path) -> None:
    finish(root)
    first = files(root)
    (root / "app/oo/answer.py").chmod(0o600)
    (root / "app").chmod(0o700)
    finish(root)
    assert files(root) == first
    for path in root.rglob("*"):
        assert path.stat().st_mtime == 0
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() or path.name == "start" else 0o644), path


def test_a_build_stops_where_something_was_left_out_that_is_imported(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (root / "opt/oo/site/lib/used.py").write_text("from lib.tests import test_lib\n")
    with pytest.raises(subprocess.CalledProcessError):
        finish(root)
    assert "No module named 'lib.tests'" in capfd.readouterr().err
