"""Compiles the pipelines into manifests/kfp: `python -m scripts.kfp_manifests`.

`NAME.yaml` is what `oo pipeline run --host` and KFP's own page upload; `resources/NAME.yaml` is the same as a Pipeline
and a PipelineVersion of the cluster, for an installation that keeps pipelines as resources. Steps run in the image that
`OO_PIPELINES_IMAGE` names while this runs, such as `registry.example/oo-pipelines@sha256:…`, else in a tag.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from kfp.compiler import Compiler  # type: ignore[import-untyped]  # KFP ships no types
from kfp.compiler.compiler_utils import KubernetesManifestOptions  # type: ignore[import-untyped]  # the same
from kfp.dsl.base_component import BaseComponent  # type: ignore[import-untyped]  # the same

from pipelines.cluster import VERSION
from pipelines.promote import promotion
from pipelines.train import training

FOLDER = Path(__file__).resolve().parents[1] / "manifests" / "kfp"
PIPELINES: Mapping[str, BaseComponent] = {"train": training, "promote": promotion}

_HEAD = "# Written by `make pipelines` from pipelines/.\n"


def documents() -> dict[str, str]:
    """What manifests/kfp holds, as text by file name."""
    written: dict[str, str] = {}
    with TemporaryDirectory() as name:
        path = Path(name) / "compiled.yaml"
        for pipeline, function in PIPELINES.items():
            Compiler().compile(function, str(path))
            written[f"{pipeline}.yaml"] = _text(path)
            as_resources = KubernetesManifestOptions(
                pipeline_version_name=f"{pipeline}-{VERSION}", include_pipeline_manifest=True
            )
            Compiler().compile(
                function, str(path), kubernetes_manifest_format=True, kubernetes_manifest_options=as_resources
            )
            written[f"resources/{pipeline}.yaml"] = _text(path)
    return written


def _text(compiled: Path) -> str:
    parts = yaml.safe_load_all(compiled.read_text(encoding="utf-8"))
    return _HEAD + yaml.safe_dump_all(parts, sort_keys=False, width=120)


def main() -> None:
    """Renew the files."""
    for name, text in documents().items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
