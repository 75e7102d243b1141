"""The training pipeline, from the offline store to a challenger; each step is a signature and one library call."""

from typing import List  # noqa: UP035  # KFP reads this annotation

from kfp import dsl  # type: ignore[import-untyped]  # KFP ships no types

from oo.wiring.steps import LATEST
from pipelines.cluster import BASE_IMAGE, Needs, on_cluster


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)  # type: ignore[untyped-decorator]  # KFP's
def plan(table_version: int, shards: int) -> list:  # type: ignore[type-arg]  # KFP knows no more of it
    """The shards of the dataset, of one version of the offline store."""
    from oo.settings import PipelineSettings, read
    from oo.wiring.steps.assemble import plan_shards

    return [dict(shard) for shard in plan_shards(read(PipelineSettings), table_version=table_version, shards=shards)]


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)  # type: ignore[untyped-decorator]  # KFP's
def assemble(feature_service: str, as_of: str, planned: dict, shard: dsl.Output[dsl.Dataset]) -> None:  # type: ignore[type-arg]  # the same
    """The decisions of some people and what they earned, with the features that were served."""
    from pathlib import Path

    from oo.settings import PipelineSettings, read
    from oo.wiring.steps.assemble import assemble_shard

    told = assemble_shard(
        read(PipelineSettings),
        feature_service,
        as_of=as_of,
        planned=planned,  # type: ignore[arg-type]  # as `plan` made it
        shard=Path(shard.path),
    )
    left_out = sum(told.excluded.values())
    print(f"oo: {told.rows} rows, {left_out} left out; it took {told.peak_mib:.0f} MiB")


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)  # type: ignore[untyped-decorator]  # KFP's
def merge(
    feature_service: str,
    shards: dsl.Input[List[dsl.Dataset]],  # noqa: UP006  # KFP reads this annotation
    dataset: dsl.Output[dsl.Dataset],
) -> None:
    """The dataset of all shards, in the order of time."""
    from dataclasses import asdict
    from pathlib import Path

    from oo.settings import PipelineSettings, read
    from oo.training.peak_memory import peak_mib
    from oo.wiring.steps.assemble import merge_shards

    manifest = merge_shards(
        read(PipelineSettings),
        feature_service,
        shards=[Path(shard.path) for shard in shards],
        dataset=Path(dataset.path),
    )
    dataset.metadata.update(asdict(manifest))
    print(f"oo: {manifest.rows} rows of version {manifest.table_version}; it took {peak_mib():.0f} MiB")


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)  # type: ignore[untyped-decorator]  # KFP's
def fit(feature_service: str, dataset: dsl.Input[dsl.Dataset], seed: int, candidate: dsl.Output[dsl.Model]) -> None:
    """The best model of a search, calibrated, as an ONNX file that is proven equal to it."""
    from dataclasses import asdict
    from pathlib import Path

    from oo.settings import PipelineSettings, read
    from oo.training.peak_memory import peak_mib
    from oo.wiring.steps.fit import fit

    fitted = fit(
        read(PipelineSettings),
        feature_service,
        dataset=Path(dataset.path),
        seed=seed,
        candidate=Path(candidate.path),
    )
    candidate.metadata.update(asdict(fitted.report))
    print(f"oo: {fitted.report.recipe}; it took {peak_mib():.0f} MiB")


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)  # type: ignore[untyped-decorator]  # KFP's
def judge(  # noqa: PLR0913, PLR0917  # a step's inputs and outputs
    feature_service: str,
    dataset: dsl.Input[dsl.Dataset],
    candidate: dsl.Input[dsl.Model],
    card: str,
    verdict: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
) -> None:
    """What every gate says of the model against the champion."""
    from pathlib import Path

    from oo.settings import PipelineSettings, read
    from oo.wiring.steps.judge import judge

    told = judge(
        read(PipelineSettings),
        feature_service,
        dataset=Path(dataset.path),
        candidate=Path(candidate.path),
        card=card,
        verdict=Path(verdict.path),
    )
    for reason in told.reasons:
        for figure, value in reason.figures.items():
            metrics.log_metric(f"{reason.name} {figure}", value)


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)  # type: ignore[untyped-decorator]  # KFP's
def register(
    feature_service: str,
    dataset: dsl.Input[dsl.Dataset],
    candidate: dsl.Input[dsl.Model],
    card: str,
    verdict: dsl.Input[dsl.Artifact],
) -> int:
    """The model's version, with all that is known of it beside it."""
    from pathlib import Path

    from oo.settings import PipelineSettings, read
    from oo.wiring.steps.register import register

    return register(
        read(PipelineSettings),
        feature_service,
        dataset=Path(dataset.path),
        candidate=Path(candidate.path),
        card=card,
        verdict=Path(verdict.path),
    )


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)  # type: ignore[untyped-decorator]  # KFP's
def propose(feature_service: str, version: int, verdict: dsl.Input[dsl.Artifact]) -> str:
    """The challenger, when every gate let it through; what became of it as JSON."""
    from pathlib import Path

    from oo.settings import PipelineSettings, read
    from oo.wiring.steps.propose import propose

    outcome = propose(read(PipelineSettings), feature_service, version=version, verdict=Path(verdict.path))
    return outcome.model_dump_json()


@dsl.pipeline(name="train")  # type: ignore[untyped-decorator]  # KFP's
def training(  # noqa: PLR0913, PLR0917  # a pipeline's arguments are plain values
    feature_service: str, as_of: str, seed: int = 0, table_version: int = LATEST, shards: int = 1, card: str = ""
) -> str:
    """Train a model on what was decided and rewarded, judge it, register it, and propose it when it is better.

    Nothing here changes what anybody sees: that is what `promote` does, step by step.

    Args:
        feature_service: such as "tips@1".
        as_of: ISO 8601 with an offset; nothing that was decided later, or still open then, is used.
        seed: of the folds and of the model's own randomness.
        table_version: the offline store's version to learn from, rewards and all; -1 is the latest.
        shards: in how many parts the dataset is assembled; memory grows with one of them.
        card: the text of the model's card, for what people wrote on it.
    """
    planned = plan(table_version=table_version, shards=shards)
    with dsl.ParallelFor(planned.output, parallelism=4) as one:
        shard = assemble(feature_service=feature_service, as_of=as_of, planned=one)
    merged = merge(feature_service=feature_service, shards=dsl.Collected(shard.outputs["shard"]))
    dataset = merged.outputs["dataset"]
    fitted = fit(feature_service=feature_service, dataset=dataset, seed=seed)
    candidate = fitted.outputs["candidate"]
    judged = judge(feature_service=feature_service, dataset=dataset, candidate=candidate, card=card)
    verdict = judged.outputs["verdict"]
    registered = register(
        feature_service=feature_service, dataset=dataset, candidate=candidate, card=card, verdict=verdict
    )
    proposed = propose(feature_service=feature_service, version=registered.output, verdict=verdict)
    for step in (planned, registered, proposed):
        on_cluster(step, Needs.LITTLE)
    for step in (shard, merged, fitted, judged):
        on_cluster(step, Needs.ROWS)
    outcome: str = proposed.output
    return outcome
