"""The images, and what each of them holds besides its base."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SOURCE_ONLY = "kfp-server-api"
"""The one package of our locks of which no wheel is published. It is built here, with what images/build.txt names."""

_OO = {"src/oo": "oo", "catalog": "catalog"}


@dataclass(frozen=True, slots=True)
class Image:
    """An image; its name is also that of its target in images/Dockerfile."""

    name: str
    lock: str
    """The file of requirements/ with its packages; the one that its bento is built with."""
    bento: str | None = None
    """The folder of bentos/ that is built; such an image holds its bento, and nothing else of the project."""
    folders: Mapping[str, str] = field(default_factory=dict)
    """Which folders of the project it holds, and where below /app."""
    without: frozenset[str] = frozenset()
    """Packages of the lock that it leaves out, since nothing in it imports them."""
    helm: bool = False
    """Whether it holds the helm command."""


IMAGES = (
    Image(
        "oo-scorer",
        "scorer.txt",
        bento="scorer",
        # How mlflow-skinny signs in at Databricks, and how it finds a commit: tests/deploy tries without them.
        without=frozenset(
            {
                *("cffi", "cryptography", "google-auth", "pyasn1", "pyasn1-modules", "pycparser"),
                *("gitdb", "gitpython", "smmap"),
            }
        ),
    ),
    Image("oo-generator", "generator.txt", bento="generator"),
    Image("oo-consumers", "consumers.txt", folders=_OO | {"consumers": "consumers"}),
    Image(
        "oo-pipelines",
        "pipelines.txt",
        folders=_OO
        | {
            "pipelines": "pipelines",
            "manifests/kfp": "manifests/kfp",
            "model_cards": "model_cards",
            "helm/bento": "helm/bento",
        },
        helm=True,
    ),
)
