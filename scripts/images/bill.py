"""The bill of materials of an image, in CycloneDX."""

import json
import shutil
import sys
import venv
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from packageurl import PackageURL

from scripts.images.base import Base
from scripts.images.command import run

_PLAIN = ("--output-reproducible", "--no-validate")
"""No time and no number of its own; tests/deploy validates, which takes longer than all else."""


def bill(image: str, version: str, site: Path, base: Base, programs: Mapping[str, PackageURL]) -> str:
    """What an image is made of: its Python packages with their licences and what needs what, and all that its base has.

    The same parts give the same text: it has no serial number and no time.

    Args:
        image: its name.
        version: its version.
        site: the folder with the installed packages.
        base: what it starts from.
        programs: what it holds besides, by name.

    Raises:
        BuildFailed: the packages cannot be read.
    """
    told = json.loads(_packages(site))
    for part in [*told["components"], *told["metadata"]["tools"]["components"]]:
        part.pop("externalReferences", None)  # addresses that say nothing of what is in the image
    debian = (
        (name, PackageURL("deb", base.system[0], name, version, {"arch": arch, "distro": "-".join(base.system)}))
        for name, version, arch in base.packages
    )
    python = PackageURL("generic", None, "python", base.python)
    more: Iterable[tuple[str, PackageURL]] = [*debian, ("python", python), *programs.items()]
    told["components"] += [
        {"bom-ref": str(url), "type": "library", "name": name, "version": url.version, "purl": str(url)}
        for name, url in more
    ]
    told["components"].sort(key=lambda part: str(part["bom-ref"]))
    told["metadata"]["component"] = {"bom-ref": image, "type": "container", "name": image, "version": version}
    parts = [part["bom-ref"] for part in told["components"]]
    known = {needs["ref"] for needs in told["dependencies"]}
    told["dependencies"] += [{"ref": part} for part in parts if part not in known]
    told["dependencies"] += [{"ref": image, "dependsOn": parts}]
    told["dependencies"].sort(key=lambda needs: str(needs["ref"]))
    return json.dumps(told, indent=1, sort_keys=True) + "\n"


def _packages(site: Path) -> str:
    with TemporaryDirectory() as name:
        # The tool reads environments; an empty one with what the packages say of themselves is one to it.
        folder = Path(name)
        venv.create(folder, with_pip=False)
        (packages,) = folder.glob("lib/python*/site-packages")
        for about in site.glob("*.dist-info"):
            shutil.copytree(about, packages / about.name)
        return run([sys.executable, "-m", "cyclonedx_py", "environment", *_PLAIN, folder])
