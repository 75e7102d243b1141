"""The policies that a catalog file may name."""

from typing import Annotated

from pydantic import Field

from oo.experiments.epsilon_greedy import EpsilonGreedy
from oo.experiments.thompson import Thompson
from oo.experiments.uniform import Uniform

PolicySpec = Annotated[Uniform | EpsilonGreedy | Thompson, Field(discriminator="name")]
"""A policy as it is declared, `{name: epsilon_greedy, version: "1", epsilon: 0.1}`: once validated it is the policy."""
