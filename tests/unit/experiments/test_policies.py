import importlib
import pkgutil

import pytest
from pydantic import TypeAdapter, ValidationError

from oo import experiments
from oo.experiments.epsilon_greedy import EpsilonGreedy
from oo.experiments.policies import PolicySpec
from oo.experiments.policy import Policy
from oo.experiments.thompson import Thompson
from oo.experiments.uniform import Uniform

SPEC: TypeAdapter[PolicySpec] = TypeAdapter(PolicySpec)


@pytest.mark.parametrize(
    ("declared", "policy"),
    [
        ({"name": "uniform", "version": "1"}, Uniform(version="1")),
        ({"name": "epsilon_greedy", "version": "1", "epsilon": 0.1}, EpsilonGreedy(version="1", epsilon=0.1)),
        ({"name": "thompson", "version": "2", "floor": 0.05}, Thompson(version="2", floor=0.05)),
    ],
)
def test_a_declaration_is_the_policy(declared: dict[str, object], policy: Policy) -> None:
    assert SPEC.validate_python(declared) == policy


@pytest.mark.parametrize(
    "declared",
    [
        {"name": "greedy", "version": "1"},
        {"name": "uniform"},
        {"name": "uniform", "version": ""},
        {"name": "uniform", "version": "1", "epsilon": 0.1},
        {"name": "epsilon_greedy", "version": "1"},
        {"name": "epsilon_greedy", "version": "1", "epsilon": 1.1},
        {"name": "thompson", "version": "1", "floor": 0},
    ],
)
def test_a_declaration_with_a_mistake_is_refused(declared: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SPEC.validate_python(declared)


def test_every_policy_can_be_declared_by_the_name_of_its_file() -> None:
    for module in pkgutil.iter_modules(experiments.__path__):
        importlib.import_module(f"oo.experiments.{module.name}")
    files = {policy.__module__.rpartition(".")[2] for policy in Policy.__subclasses__()}
    assert files == {"uniform", "epsilon_greedy", "thompson"}
    for name in files:
        with pytest.raises(ValidationError, match=rf"{name}\.version"):
            SPEC.validate_python({"name": name})


def test_a_policy_cannot_be_changed_after_it_was_declared() -> None:
    policy = EpsilonGreedy(version="1", epsilon=0.1)
    with pytest.raises(ValidationError, match="frozen"):
        policy.epsilon = 0.9  # type: ignore[misc]  # what the test is about
