"""The TypeScript package against the running services: what it asks is decided, what it tells becomes a reward."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nats
import pytest

from oo.local.locations import pipeline_settings
from oo.local.settings import StackSettings
from oo.rewards import database, queries
from oo.wiring.process import now
from tests.integration.waiting import until

HERE = Path(__file__).parent
CLIENT = HERE.parents[2] / "clients" / "typescript"


def run(*command: str, cwd: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603  # our own programs
        command, cwd=cwd, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def told(running_stack: StackSettings) -> dict[str, Any]:
    run("npm", "run", "build", cwd=CLIENT)
    urls = [f"http://127.0.0.1:{port}" for port in (running_stack.scorer_port, running_stack.generator_port)]
    told: dict[str, Any] = json.loads(run("node", "caller.mjs", *urls, cwd=HERE))
    return told


def test_a_retry_gets_the_same_answer(told: dict[str, Any]) -> None:
    assert told["first"] == told["again"]
    assert told["first"]["degraded"] == []


def test_a_tip_is_written(told: dict[str, Any]) -> None:
    assert told["written"]["tip"]["title"]


def test_a_profile_feature_of_the_wrong_type_is_refused_by_name(told: dict[str, Any]) -> None:
    assert told["refusal"]["code"] == "invalid_feature"
    assert "'preferred_hour' must be int64" in told["refusal"]["message"]


async def test_what_it_tells_of_its_decision_becomes_the_reward(
    told: dict[str, Any], running_stack: StackSettings
) -> None:
    places = pipeline_settings(running_stack, overrides={})
    client = await nats.connect(places.nats_url)
    for event in told["published"]:
        headers = {"Nats-Msg-Id": event["id"]}
        await client.jetstream().publish(event["subject"], event["data"].encode(), headers=headers)
    await client.close()
    scores = database.connect(places.tip_scores_url)

    async def is_rewarded() -> bool:
        rows = queries.rows(scores, told["first"]["decision_id"], now())
        return bool(rows) and rows[0]["reward"] == 1

    await until(is_rewarded)
