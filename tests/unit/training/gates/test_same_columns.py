from dataclasses import replace

from oo.features.services import FeatureService
from oo.training.evidence import Entrant
from tests.training_data import SERVICE
from tests.unit.training.gates.court import Court, refusals


def test_a_challenger_of_other_columns_is_refused_however_good_it_is(court: Court, better: Entrant) -> None:
    """As many columns as now, in another order: the file reads these rows, and reads them wrongly in serving."""
    turned = FeatureService(name=SERVICE.name, model=SERVICE.model, columns=SERVICE.columns[::-1])
    (refused,) = refusals(court.evidence(replace(better, feature_digest=turned.digest)))
    assert refused.name == "same columns"
    assert "other columns than the catalog declares" in refused.sentence
