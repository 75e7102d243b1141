"""The bill of materials, from what is installed here of an image's packages: they are the same versions."""

import json
import re
from importlib.metadata import distributions
from pathlib import Path

import cyclonedx.schema
import jsonschema_rs
import pytest
from packageurl import PackageURL

from scripts.images.base import Base
from scripts.images.bill import bill
from scripts.images.recipe import IMAGES
from tests.deploy.test_image_locks import locked, normal

BASE = Base(
    python="3.11.2",
    machine="x86_64",
    libc="2.36",
    system=("debian", "12"),
    packages=(("libc6", "2.36-9+deb12u1", "amd64"), ("passwd", "1:4.13+dfsg1", "amd64")),
)
HELM = PackageURL("golang", "helm.sh/helm", "v4", "v4.2.4")
_SCHEMAS = Path(cyclonedx.schema.__file__).parent / "_res"
CONSUMERS = next(image for image in IMAGES if image.name == "oo-consumers")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the packages of an image say of themselves."""
    folder = tmp_path_factory.mktemp("site")
    for one in distributions():
        if normal(one.name) in locked(CONSUMERS):
            about = folder / f"{one.name}-{one.version}.dist-info"
            about.mkdir()
            (about / "METADATA").write_text(one.read_text("METADATA") or "", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def text(site: Path) -> str:
    return bill("oo-consumers", "1.2.3", site, BASE, {"helm": HELM})


def test_it_names_every_package_with_its_version_and_licence_and_all_of_the_base(site: Path, text: str) -> None:
    told = json.loads(text)
    by_url = {part["purl"]: part for part in told["components"]}
    installed = {tuple(path.name.removesuffix(".dist-info").rsplit("-", 1)) for path in site.iterdir()}
    python = {f"pkg:pypi/{normal(name)}@{version}" for name, version in installed}
    assert len(python) > 30
    assert set(by_url) - python == {
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u1?arch=amd64&distro=debian-12",
        "pkg:deb/debian/passwd@1:4.13%2Bdfsg1?arch=amd64&distro=debian-12",
        "pkg:generic/python@3.11.2",
        "pkg:golang/helm.sh/helm/v4@v4.2.4",
    }
    assert python <= set(by_url)
    assert [url for url in sorted(python) if not by_url[url].get("licenses")] == []
    assert told["metadata"]["component"] == {
        "bom-ref": "oo-consumers",
        "type": "container",
        "name": "oo-consumers",
        "version": "1.2.3",
    }


def test_it_says_what_needs_what(text: str) -> None:
    needs = {part["ref"]: part.get("dependsOn", []) for part in json.loads(text)["dependencies"]}
    assert any(re.match("starlette==", other) for ref in needs if ref.startswith("fastapi==") for other in needs[ref])
    assert set(needs["oo-consumers"]) == set(needs) - {"oo-consumers"}


def test_it_is_the_same_each_time_and_names_no_machine(site: Path, text: str) -> None:
    assert bill("oo-consumers", "1.2.3", site, BASE, {"helm": HELM}) == text
    assert "serialNumber" not in text
    assert "timestamp" not in text
    assert str(site) not in text
    assert re.findall(r"https?://\S+", text) == ['http://cyclonedx.org/schema/bom-1.6.schema.json",']


def test_it_keeps_to_the_schema_of_cyclonedx(text: str) -> None:
    told = json.loads(text)
    files = [f"{name}.SNAPSHOT.schema.json" for name in (f"bom-{told['specVersion']}", "jsf-0.82", "spdx")]
    schema, *others = (json.loads((_SCHEMAS / file).read_text("utf-8")) for file in files)
    home = schema["$id"].rpartition("/")[0]
    registry = jsonschema_rs.Registry([(f"{home}/{file}", one) for file, one in zip(files[1:], others, strict=True)])
    validator = jsonschema_rs.validator_for(schema, registry=registry)
    assert [str(error) for error in validator.iter_errors(told)] == []
    assert not validator.is_valid(told | {"components": [{"name": "of no type"}]})
