"""The procedure for a breaking change, tried: v2 beside v1, and both read."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from oo.errors import UnknownSchemaVersion
from oo.events.codec import READERS, decode
from oo.events.envelope import EVENT_TYPES, EventType
from tests.contract.contract_repository import ContractRepository
from tests.contract.descriptors import Contract
from tests.contract.golden import GOLDEN, found
from tests.contract.mirrors import differences, shape_of
from tests.contract.second_version import V1, V2, EnvelopeV2, add_protos, read_v1
from tests.envelopes import envelope


@pytest.fixture
def _reading_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS, "v1", read_v1)
    monkeypatch.setitem(READERS, "v2", EnvelopeV2.model_validate_json)


@pytest.fixture
def moved(tmp_path: Path) -> ContractRepository:
    """A repository whose `main` has v1, and whose working tree has v2 beside it."""
    repository = ContractRepository(tmp_path / "repository")
    add_protos(repository.folder)
    return repository


def test_the_move_breaks_no_reader(moved: ContractRepository) -> None:
    assert moved.check().code == 0


def test_the_same_change_inside_of_the_first_version_breaks_its_readers(moved: ContractRepository) -> None:
    second = moved.folder / V2 / "signals.proto"
    text = second.read_text(encoding="utf-8").replace("oo.events.v2", "oo.events.v1")
    (moved.folder / V1 / "signals.proto").write_text(text, encoding="utf-8")
    code, output = moved.check()
    assert code == 100
    assert 'field "2" with name "duration" on message "ActivityCompleted" was deleted' in output


def test_the_second_versions_mirror_and_protos_are_equal(moved: ContractRepository, tmp_path: Path) -> None:
    protos = Contract.build(moved.folder, tmp_path, package="oo.events.v2").shape()
    assert "ActivityCompleted.active" in protos
    assert differences(protos, shape_of(EnvelopeV2)) == set()


def test_the_first_version_is_still_what_it_was(moved: ContractRepository, tmp_path: Path, contract: Contract) -> None:
    assert Contract.build(moved.folder, tmp_path).shape() == contract.shape()


def test_before_the_move_the_second_version_is_unknown() -> None:
    with pytest.raises(UnknownSchemaVersion):
        decode(json.dumps(json.loads(envelope().to_json()) | {"schemaVersion": "v2"}).encode())


@pytest.mark.usefixtures("_reading_both")
@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_during_the_move_both_versions_are_read_as_the_same_event(event_type: EventType) -> None:
    old = envelope(event_type)
    lifted = decode(old.to_json())
    assert isinstance(lifted, EnvelopeV2)
    assert lifted.schema_version == "v2"
    assert decode(lifted.to_json()) == lifted


@pytest.mark.usefixtures("_reading_both")
def test_what_the_old_field_said_the_new_one_says() -> None:
    lifted = decode(envelope("activity_completed").to_json())
    assert isinstance(lifted, EnvelopeV2)
    assert lifted.activity_completed is not None
    assert lifted.activity_completed.active == timedelta(minutes=31, milliseconds=250)
    assert b'"active":"1860.250s"' in lifted.to_json()


@pytest.mark.usefixtures("_reading_both")
@pytest.mark.parametrize("name", found())
def test_the_golden_files_of_the_first_version_stay_readable(name: str) -> None:
    assert isinstance(decode((GOLDEN / name).read_bytes()), EnvelopeV2)
