"""The training pipeline: dataset → fit → register → judge, each a signature and one library call."""

import json
from collections.abc import Callable
from datetime import datetime

from kfp import dsl  # type: ignore[import-untyped]  # KFP ships no types

from oo.settings import PipelineSettings
from oo.training.challenge import Outcome
from oo.training.steps.assemble import LATEST
from pipelines.local_run import run

BASE_IMAGE = "oo-pipelines-python:0.1.0"


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)  # type: ignore[untyped-decorator]  # KFP's
def assemble(  # noqa: PLR0913  # a pipeline's arguments are plain values
    *,
    catalog: str,
    feature_service: str,
    offline_store: str,
    tip_scores_url: str,
    as_of: str,
    table_version: int,
    dataset: dsl.Output[dsl.Dataset],
) -> None:
    """Decisions and what they earned, with the features that were served."""
    from dataclasses import asdict  # noqa: PLC0415  # KFP sends a component's body alone
    from pathlib import Path  # noqa: PLC0415  # the same

    from oo.training.steps.assemble import assemble  # noqa: PLC0415  # the same

    manifest = assemble(
        catalog=catalog,
        feature_service=feature_service,
        offline_store=offline_store,
        tip_scores_url=tip_scores_url,
        as_of=as_of,
        table_version=table_version,
        dataset=Path(dataset.path),
    )
    dataset.metadata.update(asdict(manifest))


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)  # type: ignore[untyped-decorator]  # KFP's
def fit(
    catalog: str, feature_service: str, dataset: dsl.Input[dsl.Dataset], seed: int, candidate: dsl.Output[dsl.Model]
) -> None:
    """The better of two recipes as an ONNX file, proven equal to its model."""
    from dataclasses import asdict  # noqa: PLC0415  # KFP sends a component's body alone
    from pathlib import Path  # noqa: PLC0415  # the same

    from oo.training.steps.fit import fit  # noqa: PLC0415  # the same

    report = fit(
        catalog=catalog,
        feature_service=feature_service,
        dataset=Path(dataset.path),
        seed=seed,
        candidate=Path(candidate.path),
    )
    candidate.metadata.update(asdict(report))


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)  # type: ignore[untyped-decorator]  # KFP's
def register(
    catalog: str,
    feature_service: str,
    mlflow_url: str,
    dataset: dsl.Input[dsl.Dataset],
    candidate: dsl.Input[dsl.Model],
) -> int:
    """The challenger's version."""
    from pathlib import Path  # noqa: PLC0415  # KFP sends a component's body alone

    from oo.training.steps.register import register  # noqa: PLC0415  # the same

    return register(
        catalog=catalog,
        feature_service=feature_service,
        mlflow_url=mlflow_url,
        dataset=Path(dataset.path),
        candidate=Path(candidate.path),
    )


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)  # type: ignore[untyped-decorator]  # KFP's
def judge(  # noqa: PLR0913  # a pipeline's arguments are plain values
    *,
    catalog: str,
    feature_service: str,
    mlflow_url: str,
    dataset: dsl.Input[dsl.Dataset],
    version: int,
    metrics: dsl.Output[dsl.Metrics],
) -> str:
    """Gates against the champion; the outcome as JSON."""
    from pathlib import Path  # noqa: PLC0415  # KFP sends a component's body alone

    from oo.training.steps.judge import judge  # noqa: PLC0415  # the same

    outcome = judge(
        catalog=catalog,
        feature_service=feature_service,
        mlflow_url=mlflow_url,
        dataset=Path(dataset.path),
        version=version,
    )
    for reason in outcome.verdict.reasons:
        for figure, value in reason.figures.items():
            metrics.log_metric(f"{reason.name} {figure}", value)
    return outcome.model_dump_json()


@dsl.pipeline(name="train")  # type: ignore[untyped-decorator]  # KFP's
def training(  # noqa: PLR0913, PLR0917  # a pipeline's arguments are plain values
    catalog: str,
    feature_service: str,
    offline_store: str,
    tip_scores_url: str,
    mlflow_url: str,
    as_of: str,
    seed: int,
    table_version: int,
) -> str:
    """Train a challenger on what was decided and rewarded, judge it, and promote it when it beats the champion."""
    assembled = assemble(
        catalog=catalog,
        feature_service=feature_service,
        offline_store=offline_store,
        tip_scores_url=tip_scores_url,
        as_of=as_of,
        table_version=table_version,
    )
    fitted = fit(catalog=catalog, feature_service=feature_service, dataset=assembled.outputs["dataset"], seed=seed)
    registered = register(
        catalog=catalog,
        feature_service=feature_service,
        mlflow_url=mlflow_url,
        dataset=assembled.outputs["dataset"],
        candidate=fitted.outputs["candidate"],
    )
    judged = judge(
        catalog=catalog,
        feature_service=feature_service,
        mlflow_url=mlflow_url,
        dataset=assembled.outputs["dataset"],
        version=registered.output,
    )
    # These read or change what lies outside of their arguments: a cached promotion would promote nothing.
    for step in (assembled, registered, judged):
        step.set_caching_options(enable_caching=False)
    outcome: str = judged.outputs["Output"]
    return outcome


def run_locally(  # noqa: PLR0913  # all after the first two by name
    settings: PipelineSettings,
    feature_service: str,
    *,
    as_of: datetime,
    seed: int,
    table_version: int | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Run the pipeline on this machine, a process a step, and tell what became of the challenger.

    Args:
        settings: where the stores, the registry and the catalog are, and where runs keep their artifacts and log.
        feature_service: such as "tips@1".
        as_of: nothing that was decided later, or still open then, is used.
        seed: of the folds and of the model's own randomness.
        table_version: the offline store's version to learn from, rewards and all; the latest when None.
        on_step: called with the name of each step as it begins.

    Raises:
        PipelineFailed: a step ended without its result; names the step and its reason.
    """
    arguments = {
        "catalog": ",".join(map(str, settings.catalog)),
        "feature_service": feature_service,
        "offline_store": settings.offline_store,
        "tip_scores_url": settings.tip_scores_url,
        "mlflow_url": settings.mlflow_url,
        "as_of": as_of.isoformat(),
        "seed": seed,
        "table_version": LATEST if table_version is None else table_version,
    }
    log = settings.pipeline_root / f"{feature_service}.log"
    return Outcome.model_validate_json(run("pipelines.train:training", json.dumps(arguments), log, on_step))
