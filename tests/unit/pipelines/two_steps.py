"""The smallest pipeline with something to pass on, for the tests of the local run."""

from kfp import dsl  # type: ignore[import-untyped]  # KFP ships no types


@dsl.component(base_image="python:3.11", install_kfp_package=False)  # type: ignore[untyped-decorator]  # KFP's
def write(number: int, text: dsl.Output[dsl.Artifact]) -> None:
    from pathlib import Path  # noqa: PLC0415  # KFP sends a component's body alone

    Path(text.path).write_text("seven" if number == 7 else "other", encoding="utf-8")


@dsl.component(base_image="python:3.11", install_kfp_package=False)  # type: ignore[untyped-decorator]  # KFP's
def read(text: dsl.Input[dsl.Artifact], number: int) -> str:
    from pathlib import Path  # noqa: PLC0415  # KFP sends a component's body alone

    from oo.errors import TrainingRefused  # noqa: PLC0415  # the same

    if number < 0:
        raise TrainingRefused(f"{number} rows are too few; wait for more")
    if number == 0:
        raise ZeroDivisionError
    return Path(text.path).read_text(encoding="utf-8")


@dsl.pipeline(name="two-steps")  # type: ignore[untyped-decorator]  # KFP's
def two_steps(number: int) -> str:
    written = write(number=number)
    text: str = read(text=written.outputs["text"], number=number).output
    return text
