import doctest
import importlib
import pkgutil

import pytest

from oo import experiments

MODULES = [module.name for module in pkgutil.iter_modules(experiments.__path__)]
WITHOUT_EXAMPLES = {"policies", "policy", "policy_state"}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_run(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(f"oo.experiments.{name}"))
    assert outcome.failed == 0
    assert outcome.attempted > 0 or name in WITHOUT_EXAMPLES
