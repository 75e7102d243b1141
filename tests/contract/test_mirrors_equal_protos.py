"""The pydantic mirrors and the proto files say the same of every field, and a change of one side alone is found."""

import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, create_model

from oo.events.decision import ScoreDecided, ServingRole
from oo.events.envelope import Envelope
from oo.events.feedback import TipReacted
from tests.contract.descriptors import Contract
from tests.contract.mirrors import differences, shape_of

ROOT = Path(__file__).parents[2]


def test_mirrors_and_protos_are_equal(contract: Contract) -> None:
    protos = contract.shape()
    assert {"Envelope.score_decided", "ReactionKind", "RankedArm.probability"} <= protos.keys()
    assert differences(protos, shape_of(Envelope)) == set()


PROTO_DRIFTS = [
    ("feedback", "}\n$", "  // why is why.\n  string why = 4;\n}\n", "TipReacted.why: only in the protos"),
    ("feedback", r"  ReactionKind kind = 3 \[[^\]]*\];\n", "", "TipReacted.kind: only in the mirrors"),
    ("feedback", r"REACTION_KIND_SAVED =", "REACTION_KIND_KEPT =", "ReactionKind: values"),
    (
        "feedback",
        "message TipReacted",
        "message New { bool it = 1; }\nmessage TipReacted",
        "New.it: only in the protos",
    ),
    ("feedback", r"defined_only = true,\n    debug_redact = true", "defined_only = true", "TipReacted.kind: personal"),
    ("feedback", r"\.enum\.defined_only = true", ".enum.defined_only = false", "TipReacted.kind: specified"),
    ("signals", "string surface", "string surface_name", "SessionStarted.surface_name: only in the protos"),
    ("signals", r"surface = 1 \[", 'surface = 1 [json_name = "where", ', "SessionStarted.surface: json name"),
    ("signals", "duration.gte = {}", "duration.gte = {seconds: 1}", "ActivityCompleted.duration: at least"),
    ("integration", "uint32 meetings", "uint64 meetings", "CalendarDaySummarized.meetings: kind"),
    ("decision", "optional double score", "double score", "RankedArm.score: may be absent"),
    ("decision", "double.lte = 1\n  ];\n}", "double.lte = 2\n  ];\n}", "RankedArm.probability: at most"),
    ("decision", "double.gt = 0", "double.gte = 0", "ScoreDecided.propensity: above"),
    ("decision", r"repeated string degraded = 16", "string degraded = 16", "ScoreDecided.degraded: repeated"),
    ("decision", r"double propensity = 10 \[[^\]]*\]", "string propensity = 10", "ScoreDecided.propensity: kind"),
    (
        "decision",
        r"google.protobuf.Struct context = 5 \[[^\]]*\]",
        "string context = 5",
        "ScoreDecided.context: kind",
    ),
    (
        "decision",
        r"(string feature_service = 14) \[[^;]*;",
        r"\1;",
        "ScoreDecided.feature_service: required",
    ),
    (
        "decision",
        r"(degraded = 14 \[[^;]*max_len = )256",
        r"\g<1>64",
        "GenerateDecided.degraded: longest entry",
    ),
    (
        "decision",
        r"(string version = 2 \[\n[^=]*)\.max_len = 256,\n[^=]*\.pattern = [^\n]*\*\$\"",
        r"\1.max_len = 256",
        "ModelUsed.version: pattern",
    ),
    ("envelope", r"(string event_id = 1 \[[^\]]*max_len = )256", r"\g<1>64", "Envelope.event_id: longest"),
    ("envelope", 'string.const = "v1"', 'string.const = "v2"', "Envelope.schema_version: const"),
    ("envelope", r"oneof event \{", "oneof fact {", "Envelope.tip_exposed: oneof"),
]


@pytest.mark.parametrize(("file", "old", "new", "difference"), PROTO_DRIFTS, ids=[drift[3] for drift in PROTO_DRIFTS])
def test_a_change_of_the_protos_alone_is_found(tmp_path: Path, file: str, old: str, new: str, difference: str) -> None:
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    for folder in ("proto", "third_party"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    path = tmp_path / "proto" / "oo" / "events" / "v1" / f"{file}.proto"
    text, changed = re.subn(old, new, path.read_text(encoding="utf-8"))
    assert changed == 1
    path.write_text(text, encoding="utf-8")
    assert difference in differences(Contract.build(tmp_path, tmp_path).shape(), shape_of(Envelope))


@pytest.mark.parametrize(
    ("mirror", "changed", "difference"),
    [
        (TipReacted, {"invented": (str, "")}, "TipReacted.invented: only in the mirrors"),
        (TipReacted, {"tip_id": (float, ...)}, "TipReacted.tip_id: kind"),
        (TipReacted, {"tip_id": (tuple[str, ...], ...)}, "TipReacted.tip_id: repeated"),
        (TipReacted, {"tip_id": (str, "")}, "TipReacted.tip_id: required"),
        (TipReacted, {"tip_id": (str | None, None)}, "TipReacted.tip_id: may be absent"),
        (TipReacted, {"tip_id": (str, Field(alias="tip"))}, "TipReacted.tip_id: json name"),
        (TipReacted, {"tip_id": (str, Field(min_length=2))}, "TipReacted.tip_id: shortest"),
        (TipReacted, {"tip_id": (str, Field(max_length=9))}, "TipReacted.tip_id: longest"),
        (TipReacted, {"tip_id": (str, Field(pattern="a"))}, "TipReacted.tip_id: pattern"),
        (TipReacted, {"tip_id": (str, Field(repr=False))}, "TipReacted.tip_id: personal"),
        (ScoreDecided, {"serving_role": (ServingRole, ...)}, "ScoreDecided.serving_role: specified"),
        (ScoreDecided, {"propensity": (Annotated[float, Field(gt=0, le=2)], ...)}, "ScoreDecided.propensity: at most"),
        (ScoreDecided, {"degraded": (tuple[str, ...], ())}, "ScoreDecided.degraded: pattern of entries"),
        (ScoreDecided, {"latency": (timedelta | None, None)}, "ScoreDecided.latency: at least"),
    ],
)
def test_a_change_of_a_mirror_alone_is_found(
    contract: Contract, mirror: type[BaseModel], changed: dict[str, Any], difference: str
) -> None:
    field = "tip_reacted" if mirror is TipReacted else "score_decided"
    drifted: Any = create_model(mirror.__name__, __base__=mirror, **changed)
    root: dict[str, Any] = {field: (drifted | None, None)}
    assert difference in differences(contract.shape(), shape_of(create_model("Envelope", __base__=Envelope, **root)))
