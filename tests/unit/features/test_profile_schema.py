from pathlib import Path

from oo.catalog import load
from oo.features.profile_schema import FEATURE_OF, PROFILE_SCHEMA

CATALOGS = [Path("catalog/tips.yaml"), *sorted(Path("examples").glob("*/catalog.yaml"))]


def test_the_catalogs_read_profile_features_of_the_schema() -> None:
    services = load(CATALOGS).feature_services
    columns = {(c.name, c.type) for service in services for c in service.columns if c.source == "profile"}
    assert {name for name, _ in columns} == {"completion_rate", "preferred_hour", "tip_volume"}
    assert all(type_ == FEATURE_OF[name].column_type for name, type_ in columns)


def test_every_profile_feature_has_a_unit_a_meaning_and_a_name_of_its_own() -> None:
    assert len(FEATURE_OF) == len(PROFILE_SCHEMA)
    assert all(feature.unit and feature.meaning for feature in PROFILE_SCHEMA)
    assert all(feature.name.isidentifier() and feature.name == feature.name.lower() for feature in PROFILE_SCHEMA)


def test_a_feature_is_said_in_one_line() -> None:
    assert str(FEATURE_OF["streak_days"]) == "streak_days (int64, not null, days)"
    assert str(FEATURE_OF["goal"]) == "goal (string, nullable, tip topic)"
