import shutil
from datetime import date
from pathlib import Path

import pytest

from oo.errors import PromptInUse, RetiredPromptVersion, UnknownPromptVersion
from oo.prompts.library import RETIRED, TIPS, PromptLibrary
from oo.prompts.prompt_file import Retirement
from oo.prompts.retire import retire

WORDY = Retirement(retired_on=date(2026, 12, 1), why="v2 is shorter: 'half', as people say")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TIPS, tmp_path / "tips"))


def test_a_retired_version_is_refused_with_the_reason_and_its_file_stays(folder: Path) -> None:
    retire(folder, "v1", WORDY, {})

    library = PromptLibrary.load(folder)
    assert library.versions == tuple(v for v in library.released if v != "v1")
    assert library.retired["v1"] == WORDY
    assert (folder / "v1.yaml").read_bytes() == (TIPS / "v1.yaml").read_bytes()
    with pytest.raises(RetiredPromptVersion, match="'half'"):
        library.get("v1")


def test_earlier_retirements_stay(folder: Path) -> None:
    retire(folder, "v1", WORDY, {})
    retire(folder, "v2", WORDY.model_copy(update={"why": "ein Häuflein"}), {})

    assert PromptLibrary.load(folder).retired["v1"] == WORDY
    assert PromptLibrary.load(folder).retired["v2"].why == "ein Häuflein"


def test_what_something_writes_with_is_not_retired(folder: Path) -> None:
    with pytest.raises(PromptInUse, match="'v1' is the default; choose another one there first"):
        retire(folder, "v1", WORDY, {"v1": "the default"})

    assert not (folder / RETIRED).exists()


def test_the_last_version_is_not_retired(folder: Path) -> None:
    *others, last = PromptLibrary.load(folder).versions
    for version in others:
        retire(folder, version, WORDY, {})

    with pytest.raises(PromptInUse, match=f"'{last}' is the last one in use"):
        retire(folder, last, WORDY, {})

    assert PromptLibrary.load(folder).versions == (last,)


def test_a_version_is_retired_once_and_only_if_it_was_released(folder: Path) -> None:
    retire(folder, "v1", WORDY, {})

    with pytest.raises(RetiredPromptVersion, match="was retired on 2026-12-01"):
        retire(folder, "v1", WORDY, {})
    with pytest.raises(UnknownPromptVersion, match="'v99' is not released"):
        retire(folder, "v99", WORDY, {})
