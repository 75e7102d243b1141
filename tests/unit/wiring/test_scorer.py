import subprocess
import sys
from pathlib import Path

from oo.registry.baked_registry import bake
from oo.registry.memory_registry import MemoryRegistry
from oo.registry.mlflow_registry import MlflowRegistry
from oo.settings import ScorerSettings, read
from oo.wiring.scorer import registry_of


def test_champions_come_from_mlflow_unless_a_folder_of_baked_ones_is_named() -> None:
    assert isinstance(registry_of(read(ScorerSettings, {})), MlflowRegistry)


def test_a_scorer_of_baked_champions_does_not_wait_for_mlflow_to_be_imported(tmp_path: Path) -> None:
    bake(MemoryRegistry(), [], tmp_path)
    program = (
        "import sys; from oo.settings import ScorerSettings, read; from oo.wiring.scorer import registry_of;"
        f"print(type(registry_of(read(ScorerSettings, {{'OO_MODELS': {str(tmp_path)!r}}}))).__name__,"
        " 'mlflow' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert told.stdout.split() == ["BakedRegistry", "False"]
