from datetime import timedelta
from pathlib import Path

import pytest

from oo.errors import InvalidSettings
from oo.local.locations import pipeline_settings
from oo.local.settings import StackSettings


@pytest.fixture
def stack(tmp_path: Path) -> StackSettings:
    return StackSettings(state_dir=tmp_path, nats_port=4333)


def test_the_parts_are_where_the_stack_has_them(stack: StackSettings, tmp_path: Path) -> None:
    told = pipeline_settings(stack, {"PATH": "/bin"})
    assert told.nats_url == "nats://127.0.0.1:4333"
    assert told.offline_store == str(tmp_path / "offline")


def test_a_variable_goes_before_the_stack_and_is_read_as_by_any_process(stack: StackSettings) -> None:
    told = pipeline_settings(
        stack,
        {
            "OO_NATS_URL": "nats://elsewhere:1",
            "OO_CATALOG": "a.yaml,b.yaml",
            "OO_STREAM_MAX_AGE_DAYS": '{"SIGNALS": 14}',
            "OO_ROLLOUT": '{"shadow_hold": "PT6H"}',
        },
    )
    assert told.nats_url == "nats://elsewhere:1"
    assert told.catalog == (Path("a.yaml"), Path("b.yaml"))
    assert told.stream_max_age_days == {"SIGNALS": 14}
    assert told.rollout.shadow_hold == timedelta(hours=6)


@pytest.mark.parametrize(
    ("text", "said"), [('{"pairs', "JSON is expected there"), ('{"pairs": "x"}', r"rollout\.pairs: .* integer")]
)
def test_a_malformed_variable_is_a_sentence(stack: StackSettings, text: str, said: str) -> None:
    with pytest.raises(InvalidSettings, match=said):
        pipeline_settings(stack, {"OO_ROLLOUT": text})
