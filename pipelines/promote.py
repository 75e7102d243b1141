"""The promotion pipeline: one step of a rollout. On a schedule, it moves each as far as its evidence carries it."""

from kfp import dsl  # type: ignore[import-untyped]  # KFP ships no types

from pipelines.cluster import BASE_IMAGE, Needs, on_cluster


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)  # type: ignore[untyped-decorator]  # KFP's
def advance(model: str) -> str:
    """What the evidence carries: one step on, nothing, or back; told in words."""
    from oo.settings import PipelineSettings, read
    from oo.wiring.steps.advance import advance
    from oo.wiring.traffic import model_traffic

    settings = read(PipelineSettings)
    told = advance(settings, model, model_traffic(settings), who="pipeline promote")
    return f"{told.move.title}: {' '.join(told.move.reasons)}"


@dsl.pipeline(name="promote")  # type: ignore[untyped-decorator]  # KFP's
def promotion(model: str) -> str:
    """Do what the evidence for the version on trial carries: one step on, nothing, or back.

    Args:
        model: such as "digits".
    """
    step = advance(model=model)
    on_cluster(step, Needs.LITTLE)
    told: str = step.output
    return told
