import json
from datetime import timedelta
from pathlib import Path

import pytest

from oo.errors import EvidenceChanged
from oo.rollout.bundle import MANIFEST, Bundle
from oo.rollout.plan import Advance
from oo.rollout.requirements import Requirements
from tests.unit.rollout.findings import at_stage, evidence_for, now_for, shadow_for

MOVE = Advance("canary", 1, ("Everything carries it.",))


def bundle(**changed: object) -> Bundle:
    rollout = at_stage("shadow")
    evidence = evidence_for(rollout, documents={"verdict.json": '{"reasons": []}'}).model_copy(update=changed)
    return Bundle.of(rollout, evidence, Requirements(), MOVE)


def test_equal_evidence_is_equal_bytes() -> None:
    assert bundle().files == bundle().files
    assert bundle().digest == bundle().digest


def test_equal_evidence_in_another_order_is_equal_bytes() -> None:
    rollout = at_stage("shadow")
    one, other = (
        bundle(shadow=shadow_for(rollout, digests=digests), documents=documents)
        for digests, documents in (
            ({"aa": 1, "bb": 2}, {"a.json": "1", "b.json": "2"}),
            ({"bb": 2, "aa": 1}, {"b.json": "2", "a.json": "1"}),
        )
    )
    assert one.digest == other.digest


def test_other_evidence_is_another_hash() -> None:
    assert bundle(collected_at=now_for(at_stage("shadow")) + timedelta(seconds=1)).digest != bundle().digest
    assert bundle(documents={"verdict.json": "{}"}).digest != bundle().digest


def test_its_files_tell_what_was_known_asked_for_and_concluded() -> None:
    files = bundle().files
    assert json.loads(files["move.json"]) == {
        "move": "advance",
        "stage": "canary",
        "percent": 1,
        "reasons": ["Everything carries it."],
    }
    assert json.loads(files["rollout.json"])["version"] == "2"
    assert json.loads(files["requirements.json"])["pairs"] == 1_000
    assert json.loads(files["evidence.json"])["shadow"]["all"]["coverage"]["paired"] == 5_000
    assert files["verdict.json"] == b'{"reasons": []}'


def files_of(one: Bundle) -> dict[str, bytes]:
    return {**one.files, MANIFEST: one.manifest}


def test_what_was_written_is_what_was_hashed(tmp_path: Path) -> None:
    one = bundle()
    one.write(tmp_path / "bundle")
    written = {path.name: path.read_bytes() for path in (tmp_path / "bundle").iterdir()}
    assert Bundle.checked(written, one.digest) == one


@pytest.mark.parametrize("name", ["evidence.json", "verdict.json", MANIFEST])
def test_a_changed_file_is_named(name: str) -> None:
    one = bundle()
    files = files_of(one)
    with pytest.raises(EvidenceChanged, match=f"{name} was changed"):
        Bundle.checked(files | {name: files[name] + b" "}, one.digest)


def test_a_missing_file_and_one_too_many_are_named() -> None:
    one = bundle()
    files = files_of(one)
    files["else.json"] = files.pop("move.json")
    with pytest.raises(EvidenceChanged, match=r"move\.json is missing; else\.json does not belong to it"):
        Bundle.checked(files, one.digest)


def test_a_whole_bundle_of_another_decision_is_refused() -> None:
    with pytest.raises(EvidenceChanged, match=f"{MANIFEST} was changed"):
        Bundle.checked(files_of(bundle(documents={})), bundle().digest)


def test_no_files_are_told() -> None:
    with pytest.raises(EvidenceChanged, match=f"{MANIFEST} is missing"):
        Bundle.checked({}, bundle().digest)
