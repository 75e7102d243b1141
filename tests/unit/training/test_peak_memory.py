import subprocess
import sys

PROGRAM = """
from oo.training.peak_memory import peak_mib
before = peak_mib()
held = b"x" * (100 * 2**20)
del held
print(before, peak_mib())
"""


def test_the_peak_is_told_after_it_is_over_and_without_what_the_parent_held() -> None:
    held = b"x" * (300 * 2**20)
    told = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True).stdout  # noqa: S603
    before, after = map(float, told.split())
    assert len(held) > 0
    assert before < 150
    assert 90 < after - before < 120
