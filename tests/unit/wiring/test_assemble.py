import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from oo.training.dataset import Dataset
from oo.wiring.steps import LATEST
from oo.wiring.steps.assemble import assemble, assemble_shard, merge_shards, plan_shards
from tests.training_data import START, World, digit_decisions

AS_OF = (START + timedelta(days=1)).isoformat()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.in_folder(tmp_path)
    decisions, feedback = digit_decisions(60, seed=1)
    world.tell("DECISIONS", decisions)
    world.tell("FEEDBACK", feedback)
    yield world
    world.engine.dispose()


def test_shards_are_planned_of_one_version_whatever_is_archived_meanwhile(world: World) -> None:
    version = world.store.version()
    assert plan_shards(world.settings(), table_version=LATEST, shards=2) == [
        {"index": 0, "count": 2, "table_version": version, "pinned": False},
        {"index": 1, "count": 2, "table_version": version, "pinned": False},
    ]
    assert plan_shards(world.settings(), table_version=1, shards=1) == [
        {"index": 0, "count": 1, "table_version": 1, "pinned": True}
    ]


@pytest.mark.parametrize("version", [LATEST, None])
def test_the_steps_of_a_pipeline_make_what_one_process_makes(world: World, version: int | None) -> None:
    settings = world.settings()
    version = world.store.version() if version is None else version
    planned = plan_shards(settings, table_version=version, shards=3)
    folders: list[Path] = []
    rows = 0
    for part in json.loads(json.dumps(planned), parse_int=float):  # as KFP hands them on
        folders.append(world.folder / "shards" / str(len(folders)))
        done = assemble_shard(settings, "digits@1", as_of=AS_OF, planned=part, shard=folders[-1])
        rows += done.rows
        assert done.peak_mib > 50
    manifest = merge_shards(settings, "digits@1", shards=folders, dataset=world.folder / "merged")
    whole = assemble(settings, "digits@1", as_of=AS_OF, table_version=version, dataset=world.folder / "whole")
    assert manifest == whole
    assert Dataset.load(world.folder / "merged").manifest == Dataset.load(world.folder / "whole").manifest == manifest
    assert rows == manifest.rows == 60
