"""The gates between a challenger and the champion's place. Each can say no, in words; inconclusive is a no.

A new gate is a file here and a line in `GATES`.
"""

from oo.training.gates.auc import BetterRanking
from oo.training.gates.base_rate import BetterThanBaseRate
from oo.training.gates.calibration import Calibration
from oo.training.gates.data_age import DataAge
from oo.training.gates.gate import Gate
from oo.training.gates.latency import Latency
from oo.training.gates.leakage import Leakage
from oo.training.gates.log_loss import BetterThanChampion
from oo.training.gates.parity import Parity
from oo.training.gates.same_columns import SameColumns
from oo.training.gates.sample_size import SampleSize
from oo.training.gates.segment_floor import SegmentFloor
from oo.training.gates.size import Size

GATES: tuple[Gate, ...] = (
    SameColumns(),
    Parity(),
    DataAge(),
    SampleSize(),
    Leakage(),
    BetterThanBaseRate(),
    BetterThanChampion(),
    BetterRanking(),
    Calibration(),
    SegmentFloor(),
    Latency(),
    Size(),
)
