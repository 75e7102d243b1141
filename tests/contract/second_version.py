"""A second version of the contract, made as proto/README.md tells: `oo.events.v2` without `duration`."""

import re
import shutil
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from oo.events.envelope import Envelope
from oo.events.json_types import ElapsedTime
from oo.events.message import Message, Personal

V1, V2 = (Path("proto/oo/events") / version for version in ("v1", "v2"))


def add_protos(root: Path) -> None:
    """Put v2 beside v1 below `root`: the old field stays reserved, the new one has a new number."""
    shutil.copytree(root / V1, root / V2)
    for path in (root / V2).glob("*.proto"):
        text = path.read_text(encoding="utf-8")
        text = text.replace("oo.events.v1", "oo.events.v2").replace("oo/events/v1/", "oo/events/v2/")
        path.write_text(text.replace('const = "v1"', 'const = "v2"').replace('against: "v1"', 'against: "v2"'), "utf-8")
    signals = root / V2 / "signals.proto"
    text, changed = re.subn(
        r"  // duration is (how long it took.*\n)  google.protobuf.Duration duration = 2 (\[[^\]]*\];)",
        r'  reserved 2;\n  reserved "duration";\n  // active is \1  google.protobuf.Duration active = 3 \2',
        signals.read_text(encoding="utf-8"),
    )
    assert changed == 1
    signals.write_text(text, encoding="utf-8")


class ActivityCompleted(Message):
    """The second version's mirror."""

    activity: Annotated[str, Personal] = Field(min_length=1)
    active: Annotated[ElapsedTime | None, Personal] = None


class EnvelopeV2(Envelope):
    """The second version's mirror; the class is `Envelope` to those who compare it."""

    schema_version: Literal["v2"]  # type: ignore[assignment]  # a version is another value of the same field
    activity_completed: ActivityCompleted | None = None  # type: ignore[assignment]  # what the move changes


EnvelopeV2.__name__ = "Envelope"


def read_v1(data: bytes) -> EnvelopeV2:
    """What v1's reader becomes: it reads as ever, and lifts."""
    return lifted(Envelope.model_validate_json(data))


def lifted(old: Envelope) -> EnvelopeV2:
    """The same fact in the second version's words."""
    same = {name: getattr(old, name) for name in Envelope.model_fields} | {"schema_version": "v2"}
    if old.activity_completed is not None:
        completed = old.activity_completed
        same["activity_completed"] = ActivityCompleted(activity=completed.activity, active=completed.duration)
    return EnvelopeV2.model_validate(same)
