"""The TypeScript package: its own tests pass, and it says what the contract and Python say."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from base64 import b64decode
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto  # type: ignore[import-untyped]  # ships no types
from pydantic.alias_generators import to_camel

from oo.events.subjects import SUBJECTS, shadow_subject
from oo.experiments.chance import chance

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients" / "typescript"
GENERATED = Path("clients/typescript/src/gen")
# What `npm run generate` reads.
SOURCES = ("buf.yaml", "proto", "third_party", "docs/api")
TOOLS = ("clients/typescript/buf.gen.yaml", "clients/typescript/package.json", "clients/typescript/scripts")


def run(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    programs = str(Path(sys.executable).parent)
    env = os.environ | {"PATH": programs + os.pathsep + os.environ["PATH"]}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603  # our own programs


def succeeded(command: list[str], cwd: Path) -> str:
    result = run(command, cwd)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def tested() -> subprocess.CompletedProcess[str]:
    """The run of the package's own tests, which leaves it built."""
    return run(["npm", "test"], CLIENT)


@pytest.fixture(scope="module")
def project(tested: subprocess.CompletedProcess[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of somebody else with the packed package in it."""
    assert tested.returncode == 0, "the package's own tests fail"
    project = tmp_path_factory.mktemp("project")
    succeeded(["npm", "pack", "--pack-destination", str(project)], CLIENT)
    (packed,) = project.glob("*.tgz")
    with tarfile.open(packed) as archive:
        archive.extractall(project, filter="data")
    modules = project / "node_modules"
    (modules / "@oo").mkdir(parents=True)
    (project / "package").rename(modules / "@oo" / "ml-client")
    (modules / "@bufbuild").symlink_to(CLIENT / "node_modules" / "@bufbuild")
    return project


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of all that the generated code is made from and with."""
    for name in SOURCES + TOOLS:
        source, copy = ROOT / name, tmp_path / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy)
        else:
            shutil.copyfile(source, copy)
    (tmp_path / "clients/typescript/node_modules").symlink_to(CLIENT / "node_modules")
    return tmp_path


def drift(checkout: Path) -> list[str]:
    """The changed lines, with a sign, between the committed code and what this checkout generates."""
    succeeded(["node", "scripts/generate.mjs"], checkout / "clients/typescript")
    before, after = ((tree / GENERATED) for tree in (ROOT, checkout))
    names = {path.relative_to(tree) for tree in (before, after) for path in tree.rglob("*.ts")}
    changed: list[str] = []
    for name in sorted(names):
        old, new = (
            (tree / name).read_text(encoding="utf-8").splitlines() if (tree / name).exists() else []
            for tree in (before, after)
        )
        diff = unified_diff(old, new, f"committed/{name}", f"generated/{name}", n=0, lineterm="")
        # The descriptor is one line of base64, which tells a person nothing.
        changed += [line for line in diff if "fileDesc(" not in line]
        described, generated = fields_described(old), fields_described(new)
        changed += [
            f"{field}: a constraint or option" for field in described if generated.get(field) != described[field]
        ]
    return changed


def fields_described(module: list[str]) -> dict[str, bytes]:
    """What the descriptor in a generated module says of each field, `Message.field`."""
    descriptors = [found[1] for line in module if (found := re.search(r'fileDesc\("([^"]+)"', line))]
    files = [FileDescriptorProto.FromString(b64decode(each + "=" * (-len(each) % 4))) for each in descriptors]
    return {
        f"{message.name}.{field.name}": field.SerializeToString()
        for file in files
        for message in file.message_type
        for field in message.field
    }


def subject_drift(project: Path) -> dict[str, tuple[str | None, str | None]]:
    """The events whose subject differs, with Python's and TypeScript's."""
    ours = {to_camel(event): subject for event, subject in SUBJECTS.items()}
    theirs: dict[str, str] = say(project, "ml.SUBJECTS")
    return {
        event: (ours.get(event), theirs.get(event)) for event in ours | theirs if ours.get(event) != theirs.get(event)
    }


def say(project: Path, expression: str) -> Any:  # noqa: ANN401  # any JSON
    """What this expression over the package `ml` is in TypeScript."""
    program = f"import * as ml from '@oo/ml-client'; console.log(JSON.stringify({expression}))"
    return json.loads(succeeded(["node", "--input-type=module", "--eval", program], project))


def test_the_packages_own_tests_pass(tested: subprocess.CompletedProcess[str]) -> None:
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_the_generated_code_is_what_the_contract_generates(checkout: Path) -> None:
    changed = drift(checkout)

    assert not changed, "run `npm run generate` in clients/typescript and commit src/gen:\n" + "\n".join(changed)


def test_changes_that_were_not_generated_are_found_by_their_fields(checkout: Path) -> None:
    proto = checkout / "proto/oo/events/v1/signals.proto"
    text = proto.read_text(encoding="utf-8")
    assert "string surface = 1" in text
    proto.write_text(text.replace("string surface = 1", "string screen = 1"), encoding="utf-8")
    document = checkout / "docs/api/scorer.openapi.json"
    openapi = json.loads(document.read_text(encoding="utf-8"))
    openapi["components"]["schemas"]["ScoreRequest"]["properties"]["time_zone"] = {"type": "string"}
    document.write_text(json.dumps(openapi), encoding="utf-8")

    found = {line.strip("+- ") for line in drift(checkout)}

    assert {"surface: string;", "screen: string;", "readonly time_zone?: string;"} <= found


def test_a_constraint_that_was_not_generated_is_found_by_its_field(checkout: Path) -> None:
    proto = checkout / "proto/oo/events/v1/signals.proto"
    text = proto.read_text(encoding="utf-8")
    redacted = "surface = 1 [debug_redact = true"
    assert text.count(redacted) == 1
    constrained = text.replace(redacted, f"{redacted}, (buf.validate.field).string.max_len = 9")
    proto.write_text(constrained, encoding="utf-8")

    assert "SessionStarted.surface: a constraint or option" in drift(checkout)


def test_every_event_travels_where_python_says(project: Path) -> None:
    assert subject_drift(project) == {}


def test_a_changed_subject_is_found_by_its_event(project: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(project, tmp_path / "changed", symlinks=True)
    table = changed / "node_modules/@oo/ml-client/dist/src/subjects.js"
    table.write_text(table.read_text(encoding="utf-8").replace('"feedback.tip_reacted"', '"feedback.reacted"'))

    assert subject_drift(changed) == {"tipReacted": ("feedback.tip_reacted", "feedback.reacted")}


def test_a_shadows_decisions_travel_where_python_says(project: Path) -> None:
    for event in ("score_decided", "generate_decided"):
        fact = f"{{case: '{to_camel(event)}', value: {{servingRole: ml.ServingRole.SHADOW}}}}"
        assert say(project, f"ml.subjectOf({{event: {fact}}})") == shadow_subject(SUBJECTS[event])


def test_python_can_tell_whose_prompt_version_is_which(project: Path) -> None:
    users = [f"user-{n}" for n in range(200)] + ["Zoë", "\u007f", "\U0001f600", '"\\\n']
    versions = ["v1", "v2", "v3"]

    told = say(project, f"{json.dumps(users)}.map((user) => ml.promptVersionFor('tips', user, 'v1,v2,v3'))")

    assert told == [max(versions, key=lambda v: chance("prompt_version", "tips", user, v)) for user in users]


def test_the_package_holds_what_it_needs_and_nothing_else(project: Path) -> None:
    package = project / "node_modules/@oo/ml-client"
    files = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}

    assert {"README.md", "package.json", "dist/src/index.js", "dist/src/index.d.ts"} <= files
    assert not [name for name in files - {"README.md", "package.json"} if not name.startswith("dist/src/")]


def test_dependencies_are_exact_and_the_lock_names_no_registry() -> None:
    package = json.loads((CLIENT / "package.json").read_text(encoding="utf-8"))
    lock = (CLIENT / "package-lock.json").read_text(encoding="utf-8")

    declared = package["dependencies"] | package["devDependencies"]
    assert not {
        name: version for name, version in declared.items() if not re.fullmatch(r"[0-9]+(\.[0-9]+){2}", version)
    }
    assert '"resolved"' not in lock
    assert '"integrity"' in lock
