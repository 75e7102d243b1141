"""Each edit that breaks a reader of the contract is found and named by what it breaks, and harmless ones pass.

No edit is found for not compiling: the script exits with 4 for that, as test_buf_check.py shows.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.contract.contract_repository import Answer, ContractRepository, enum, field, message

Edit: TypeAlias = Callable[[ContractRepository], object]

BREAKS = "breaks readers of the contract at 'main':\n"

KIND = (message("TipReacted"), field("kind"))
SAVED = (enum("ReactionKind"), field("REACTION_KIND_SAVED"))
DIGEST = (message("ModelUsed"), field("digest"))
MEETINGS = (message("CalendarDaySummarized"), field("meetings"))
SEQUENCE = (message("ScoreDecided"), field("signal_sequence"))
DEGRADED = (message("ScoreDecided"), field("degraded"))


def at(*places: str, to: str) -> Edit:
    return lambda contract: contract.edit(*places, to=to)


def moved(*places: str, after: tuple[str, ...]) -> Edit:
    """Cut what stands there and put it behind another place, at the same depth."""

    def move(contract: ContractRepository) -> None:
        text = contract.edit(*places, to="")
        contract.edit(*after, to=r"\g<0>" + text.replace("\\", r"\\"))

    return move


def all_of_v2(contract: ContractRepository) -> None:
    for file in contract.package.glob("*.proto"):
        text = file.read_text(encoding="utf-8")
        assert text.count("\npackage oo.events.v1;") == 1
        file.write_text(text.replace("\npackage oo.events.v1;", "\npackage oo.events.v2;"), encoding="utf-8")


def file_of(name: str) -> str:
    """The pattern of all of the file that holds a message."""
    return rf"\A.*^message {name} \{{.*\Z"


SIGNALS = file_of("SessionStarted")

# What is found, and the edits that together make the mutation, by its name.
BREAKING: dict[str, tuple[str, list[Edit]]] = {
    "a field is renamed": (
        'Field "3" on message "TipReacted" changed name from "kind" to "sort"',
        [at(*KIND, r"\bkind =", to="sort =")],
    ),
    "a field is renumbered": (
        'field "3" with name "kind" on message "TipReacted" was deleted',
        [at(*KIND, "= 3", to="= 4")],
    ),
    "a number is widened": (
        'Field "2" with name "meetings" on message "CalendarDaySummarized" changed type from "uint32" to "uint64"',
        [at(*MEETINGS, "uint32", to="uint64")],
    ),
    "a double becomes a string": (
        'Field "3" with name "probability" on message "RankedArm" changed type from "double" to "string"',
        [at(message("RankedArm"), field("probability"), to="  // probability is a text.\n  string probability = 3;\n")],
    ),
    "an enum becomes a number": (
        'Field "3" with name "kind" on message "TipReacted" changed type from "enum" to "uint32"',
        [at(*KIND, to="  // kind is a number.\n  uint32 kind = 3;\n")],
    ),
    "a message becomes another one": (
        'Field "13" with name "model" on message "ScoreDecided" changed type from "oo.events.v1.ModelUsed" to "oo.eve',
        [at(message("ScoreDecided"), field("model"), "ModelUsed", to="Versioned")],
    ),
    "a field is removed": (
        'field "3" with name "kind" on message "TipReacted" was deleted',
        [at(*KIND, to="")],
    ),
    "a field is removed and reserved": (
        'field "3" with name "kind" on message "TipReacted" was deleted',
        [at(*KIND, to='  reserved 3;\n  reserved "kind";\n')],
    ),
    "a field's number is given to another one": (
        'Field "3" on message "TipReacted" changed name from "kind" to "reason"',
        [at(*KIND, to="  // reason is why.\n  string reason = 3;\n")],
    ),
    "a reserved number is used": (
        'reserved range "[901]" on message "TipReacted" is missing values',
        [at(message("TipReacted"), "  reserved 901;\n", to="  // reason is why.\n  string reason = 901;\n")],
    ),
    "a reserved name is used": (
        'reserved name "never_again" on message "TipReacted" was deleted',
        [at(message("TipReacted"), '  reserved "never_again";\n', to="  // It is.\n  string never_again = 902;\n")],
    ),
    "one becomes many": (
        'Field "3" with name "digest" on message "ModelUsed" changed cardinality',
        [at(*DIGEST, "string", to="repeated string")],
    ),
    "many become one": (
        'Field "16" with name "degraded" on message "ScoreDecided" changed cardinality',
        [at(*DEGRADED, "repeated string", to="string")],
    ),
    "many become a map": (
        'Field "16" with name "degraded" on message "ScoreDecided" changed',
        [at(*DEGRADED, "repeated string", to="map<string, string>")],
    ),
    "an absent value becomes the same as zero": (
        'Field "2" with name "score" on message "RankedArm" changed cardinality',
        [at(message("RankedArm"), field("score"), "optional ", to="")],
    ),
    "zero becomes another value than the absent one": (
        'Field "3" with name "digest" on message "ModelUsed" changed cardinality',
        [at(*DIGEST, "string", to="optional string")],
    ),
    "a field gets another name in JSON": (
        'Field "3" with name "digest" on message "ModelUsed" changed option "json_name" from "digest" to "sha"',
        [at(*DIGEST, "= 3", to='= 3 [json_name = "sha"]')],
    ),
    "a 64-bit number becomes a number in JavaScript": (
        'Field "7" with name "signal_sequence" on message "ScoreDecided" changed option "jstype"',
        [at(*SEQUENCE, "= 7", to="= 7 [jstype = JS_NUMBER]")],
    ),
    "a field moves into the oneof": (
        'Field "6" with name "user_id" on message "Envelope"',
        [moved(message("Envelope"), field("user_id"), after=(message("Envelope"), field("tip_exposed")))],
    ),
    "a field moves out of the oneof": (
        'Field "30" with name "tip_exposed" on message "Envelope"',
        [moved(message("Envelope"), field("tip_exposed"), after=(message("Envelope"), field("user_id")))],
    ),
    "a field gets a oneof of its own": (
        'Field "3" with name "digest" on message "ModelUsed"',
        [at(*DIGEST, to=r"  // state is either.\n  oneof state {\n  \g<0>  }\n")],
    ),
    "the oneof is renamed": (
        'oneof "event" on message "Envelope" was deleted',
        [at(message("Envelope"), "oneof event", to="oneof fact")],
    ),
    "the oneof is removed and its fields stay": (
        'oneof "event" on message "Envelope" was deleted',
        [at(message("Envelope"), r"^  oneof event \{\n(?:    option [^\n]*\n)*(.*?)  \}\n", to=r"\g<1>")],
    ),
    "a member of the oneof is removed": (
        'field "21" with name "sleep_recorded" on message "Envelope" was deleted',
        [at(message("Envelope"), field("sleep_recorded"), to="")],
    ),
    "an enum's value is removed": (
        'enum value "3" on enum "ReactionKind" was deleted',
        [at(*SAVED, to="")],
    ),
    "an enum's value is renamed": (
        'Enum value "3" on enum "ReactionKind" changed name from "REACTION_KIND_SAVED" to "REACTION_KIND_KEPT"',
        [at(*SAVED, "REACTION_KIND_SAVED =", to="REACTION_KIND_KEPT =")],
    ),
    "an enum's value is renumbered": (
        'enum value "3" on enum "ReactionKind" was deleted',
        [at(*SAVED, "= 3", to="= 5")],
    ),
    "an enum's reserved number is used": (
        'reserved range "[901]" on enum "ReactionKind" is missing values',
        [at(enum("ReactionKind"), "  reserved 901;\n", to="  // It is.\n  REACTION_KIND_IGNORED = 901;\n")],
    ),
    "an enum is removed": (
        'enum "ReactionKind" was deleted from file',
        [at(enum("ReactionKind"), to=""), at(*KIND, to="  // kind is a number.\n  uint32 kind = 3;\n")],
    ),
    "an enum is renamed": (
        'enum "ServingRole" was deleted from file',
        [
            at("^enum ServingRole", to="enum Role"),
            at(message("ScoreDecided"), "ServingRole serving_role", to="Role serving_role"),
            at(message("GenerateDecided"), "ServingRole serving_role", to="Role serving_role"),
        ],
    ),
    "a message is removed": (
        'message "SleepRecorded" was deleted from file',
        [at(message("SleepRecorded"), to=""), at(message("Envelope"), field("sleep_recorded"), to="")],
    ),
    "a message is renamed": (
        'message "Versioned" was deleted from file',
        [
            at("^message Versioned", to="message PolicyUsed"),
            at(message("ScoreDecided"), field("policy"), "Versioned", to="PolicyUsed"),
        ],
    ),
    "a message moves to another file": (
        'message "TipExposed" was deleted from file',
        [moved(message("TipExposed"), after=(message("ActivityCompleted"),))],
    ),
    "a message moves into another one": (
        'message "Versioned" was deleted from file',
        [moved(message("Versioned"), after=(r"^message ScoreDecided \{\n",))],
    ),
    "a file is removed": (
        'file "oo/events/v1/signals.proto" was deleted',
        [
            lambda contract: (contract.package / "signals.proto").unlink(),
            at('^import "oo/events/v1/signals.proto";\n', to=""),
            at(message("Envelope"), field("session_started"), to=""),
            at(message("Envelope"), field("activity_completed"), to=""),
        ],
    ),
    "a file is renamed": (
        'file "oo/events/v1/signals.proto" was deleted',
        [
            lambda contract: (contract.package / "signals.proto").rename(contract.package / "product.proto"),
            at('^import "oo/events/v1/signals.proto";\n', to='import "oo/events/v1/product.proto";\n'),
        ],
    ),
    "a file moves to another package": (
        'Field "10" with name "session_started" on message "Envelope" changed type from "oo.events.v1.SessionStarted"',
        [
            at(SIGNALS, "^package oo.events.v1;", to="package oo.events.v2;"),
            at(message("Envelope"), r"\bSessionStarted session", to="oo.events.v2.SessionStarted session"),
            at(message("Envelope"), r"\bActivityCompleted activity", to="oo.events.v2.ActivityCompleted activity"),
        ],
    ),
    "the whole package is renamed": ('File package changed from "oo.events.v1" to "oo.events.v2"', [all_of_v2]),
    "a file is written in another syntax": (
        'syntax changed from "proto3" to "editions"',
        [at(SIGNALS, '^syntax = "proto3";', to='edition = "2023";')],
    ),
}

COMPATIBLE: dict[str, list[Edit]] = {
    "a field is added": [at(*KIND, to=r"\g<0>  // reason is why. Empty when unknown.\n  string reason = 4;\n")],
    "a message is added": [
        at(
            message("TipReacted"),
            to=r"\g<0>\n// TipHidden is new.\nmessage TipHidden {\n  // at is.\n  string at = 1;\n}\n",
        ),
    ],
    "an enum's value is added": [at(*SAVED, to=r"\g<0>  // Sent on.\n  REACTION_KIND_SHARED = 5;\n")],
    "a member is added to the oneof": [
        at(
            message("Envelope"),
            field("generate_decided"),
            to=r"\g<0>    // model_used is new.\n    ModelUsed model_used = 42;\n",
        ),
    ],
    "a file is added": [
        lambda contract: (contract.package / "goal.proto").write_text(
            'syntax = "proto3";\n\npackage oo.events.v1;\n\n// GoalSet is new.\nmessage GoalSet {}\n',
            encoding="utf-8",
        ),
    ],
    "a comment is changed": [at(*DIGEST, "^  // digest", to="  // digest, as it was then,")],
    "numbers and names are reserved that nobody used": [
        at(message("ModelUsed"), r"^\}", to='\n  reserved 30 to 39;\n  reserved "weights";\n}'),
    ],
    "a constraint is loosened": [at(message("Envelope"), field("producer"), "max_len = 256", to="max_len = 512")],
    "a message stands elsewhere in its file": [
        at(f"({message('ModelUsed')})\n({message('ExperimentArm')})", to=r"\g<2>\n\g<1>"),
    ],
    "a field stands elsewhere in its message": [moved(*DIGEST, after=(message("ModelUsed"), field("version")))],
    "a field is marked as personal": [at(*DIGEST, "= 3", to="= 3 [debug_redact = true]")],
    "a field is deprecated": [at(*DIGEST, "= 3", to="= 3 [deprecated = true]")],
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> ContractRepository:
    """One whose main has reserved something, too."""
    repository = ContractRepository(tmp_path_factory.mktemp("mutations") / "repository")
    repository.edit(message("TipReacted"), r"^\}", to='\n  reserved 901;\n  reserved "never_again";\n}')
    repository.edit(enum("ReactionKind"), r"^\}", to="\n  reserved 901;\n}")
    repository.commit("keep some numbers free")
    return repository


def mutated(repository: ContractRepository, folder: Path, *edits: Edit) -> ContractRepository:
    copy = repository.copy(folder)
    for edit in edits:
        edit(copy)
    return copy


@pytest.fixture(scope="module")
def answers(
    repository: ContractRepository, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Answer]]]:
    """What the script says of each mutation: on all processors at once, for one after the other takes a minute."""
    folder = tmp_path_factory.mktemp("mutated")

    def answer(name: str, edits: list[Edit]) -> Answer:
        return mutated(repository, folder / name, *edits).check()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        breaking = {name: pool.submit(answer, name, edits) for name, (_, edits) in BREAKING.items()}
        yield breaking | {name: pool.submit(answer, name, edits) for name, edits in COMPATIBLE.items()}


@pytest.mark.parametrize("name", BREAKING)
def test_a_breaking_edit_is_found_and_named(name: str, answers: dict[str, Future[Answer]]) -> None:
    finding, _ = BREAKING[name]
    answer = answers[name].result()
    assert answer.code == 100, answer.output
    assert finding in answer.output.partition(BREAKS)[2], answer.output


@pytest.mark.parametrize("name", COMPATIBLE)
def test_a_compatible_edit_passes(name: str, answers: dict[str, Future[Answer]]) -> None:
    answer = answers[name].result()
    assert answer.code == 0, answer.output


def test_a_breaking_edit_would_pass_under_weaker_rules(repository: ContractRepository, tmp_path: Path) -> None:
    _, edits = BREAKING["a field is renamed"]
    weaker = mutated(repository, tmp_path / "weaker", *edits)
    rules = weaker.folder / "buf.yaml"
    text = rules.read_text(encoding="utf-8")
    assert text.count("- FILE\n") == 1
    rules.write_text(text.replace("- FILE\n", "- WIRE\n"), encoding="utf-8")
    answer = weaker.check()
    assert answer.code == 0, answer.output
