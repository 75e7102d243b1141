import shutil
from pathlib import Path

import pytest

from oo.errors import InvalidPrompt
from oo.prompts.library import TIPS
from oo.prompts.lock import LOCK, check_lock, write_lock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the released prompts that a test may break."""
    return Path(shutil.copytree(TIPS, tmp_path / "tips"))


def test_the_released_prompts_are_what_was_released() -> None:
    check_lock(TIPS)


def test_an_edit_of_a_released_prompt_is_refused(folder: Path) -> None:
    path = folder / "v1.yaml"
    path.write_text(path.read_text().replace("temperature: 0.7", "temperature: 0.8"))

    with pytest.raises(InvalidPrompt, match=r"v1\.yaml was released and is edited"):
        check_lock(folder)


def test_a_released_prompt_that_is_gone_is_refused(folder: Path) -> None:
    (folder / "v1.yaml").unlink()

    with pytest.raises(InvalidPrompt, match=r"v1\.yaml was released and is gone"):
        check_lock(folder)


def test_a_new_version_is_a_new_file_and_one_more_line(folder: Path) -> None:
    before = (folder / LOCK).read_text()
    (folder / "v4.yaml").write_text((folder / "v2.yaml").read_text().replace("version: v2", "version: v4"))
    with pytest.raises(InvalidPrompt, match=r"v4\.yaml is not locked yet; release it with `oo prompt lock`"):
        check_lock(folder)

    assert write_lock(folder) == ("v4.yaml",)

    check_lock(folder)
    assert (folder / LOCK).read_text().startswith(before)
    assert write_lock(folder) == ()


def test_locking_does_not_launder_an_edit(folder: Path) -> None:
    before = (folder / LOCK).read_text()
    (folder / "v1.yaml").write_text("name: other\n")

    with pytest.raises(InvalidPrompt, match=r"v1\.yaml"):
        write_lock(folder)

    assert (folder / LOCK).read_text() == before
