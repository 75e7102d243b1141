"""Where the library finds the parts of a local stack."""

from collections.abc import Mapping

from oo.local.processes import environment
from oo.local.settings import StackSettings
from oo.settings import PipelineSettings, read


def pipeline_settings(stack: StackSettings, overrides: Mapping[str, str]) -> PipelineSettings:
    """The settings of training and of the command line over this stack; `overrides` are environment variables."""
    return read(PipelineSettings, {**environment(stack), **overrides})
