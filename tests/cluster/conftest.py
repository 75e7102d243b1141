"""One installation for all tests of a cluster; each brings its release to where it begins."""

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.cluster import installation
from tests.cluster.commands import run


@pytest.fixture(scope="session", autouse=True)
def installed() -> Iterator[None]:
    for program in ("kubectl", "helm"):
        assert shutil.which(program), f"{program} is not on the PATH; `make test-cluster` says what it needs"
    assert run("helm", "version", "--short").startswith("v4."), "the tests of a cluster, as the promoter, use Helm 4"
    assert os.environ.get("KUBECONFIG"), "KUBECONFIG names no cluster; `make test-cluster` makes one where it can"
    installation.load()
    installation.make_namespace()
    before = installation.things()
    installation.install()
    yield
    if not os.environ.get("OO_KEEP_INSTALLATION"):
        # `helm uninstall` is tested here, since it has no installation to leave to others.
        installation.uninstall()
        left = installation.things() - before
        installation.remove()
        assert left == set()
