from pathlib import Path

from oo.catalog import load
from oo.features.profile_schema import PROFILE_SCHEMA


def test_the_product_reads_the_profile_features_that_the_schema_declares() -> None:
    service = load([Path("catalog/tips.yaml")]).service("tips@1")
    columns = {(column.name, column.type) for column in service.columns if column.source == "profile"}
    assert columns == {(feature.name, feature.type) for feature in PROFILE_SCHEMA}


def test_every_profile_feature_has_a_unit_and_a_name_of_its_own() -> None:
    assert len({feature.name for feature in PROFILE_SCHEMA}) == len(PROFILE_SCHEMA)
    assert all(feature.unit for feature in PROFILE_SCHEMA)
