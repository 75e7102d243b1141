import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from pydantic import JsonValue

from oo.errors import InvalidFeature
from oo.features.profile_admission import MOST_NAMES, ProfileAdmission
from oo.features.profile_schema import FEATURE_OF, PROFILE_SCHEMA, ProfileFeature

FULL: dict[str, JsonValue] = {
    "completion_rate": 0.6,
    "dismiss_rate": 0,
    "preferred_hour": 8,
    "tip_volume": 4,
    "tips_shown_today": 1,
    "hours_since_last_tip": 3.5,
    "days_since_signup": 100.0,
    "streak_days": 3,
    "utc_offset_minutes": -330,
    "language": "en",
    "goal": "rest",
    "notifications_enabled": True,
}
FITTING = {
    "float64": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53),
    "int64": st.integers(-(2**63), 2**63 - 1) | st.integers(-(2**53), 2**53).map(float),
    "string": st.text(),
    "bool": st.booleans(),
}
WRONG = {
    "float64": st.text() | st.booleans(),
    "int64": st.text() | st.booleans() | st.floats(0.01, 0.99) | st.integers(min_value=2**63) | st.just(float("inf")),
    "string": st.booleans() | st.integers() | st.floats(),
    "bool": st.integers() | st.floats() | st.text(),
}


def counted(name: str) -> float:
    return REGISTRY.get_sample_value("oo_unknown_profile_features_total", {"name": name}) or 0


def test_a_full_profile_is_admitted_as_it_is() -> None:
    assert FULL.keys() == FEATURE_OF.keys()
    assert ProfileAdmission().admit(FULL) == FULL


def test_what_is_missing_is_null_also_where_null_itself_is_refused() -> None:
    assert ProfileAdmission().admit({"goal": None}) == dict.fromkeys(FEATURE_OF)
    assert ProfileAdmission().admit({}) == dict.fromkeys(FEATURE_OF)


def test_no_profile_stays_none() -> None:
    assert ProfileAdmission().admit(None) is None


def test_unknown_names_are_left_out_and_counted_by_name() -> None:
    admission = ProfileAdmission()
    before = counted("mood"), counted("shoe_size")
    profiles: list[dict[str, JsonValue]] = [{"mood": "sunny", "goal": "rest"}, {"mood": [1], "shoe_size": 43}]
    for sent in profiles:
        admitted = admission.admit(sent)
        assert admitted is not None
        assert admitted.keys() == FEATURE_OF.keys()
    assert (counted("mood"), counted("shoe_size")) == (before[0] + 2, before[1] + 1)


def test_callers_who_make_names_up_get_fifty_labels_and_no_more() -> None:
    admission, before = ProfileAdmission(), counted("other")
    admission.admit({f"made_up_{number}": 1 for number in range(MOST_NAMES + 30)})
    admission.admit({"made_up_0": 1, "one_more": 1})
    assert counted("other") == before + 31
    assert counted("made_up_0") == 2
    assert (counted(f"made_up_{MOST_NAMES - 1}"), counted(f"made_up_{MOST_NAMES}"), counted("one_more")) == (1, 0, 0)


def test_a_long_name_is_counted_under_its_beginning() -> None:
    ProfileAdmission().admit({"long" * 64: 1})
    assert counted("long" * 16) == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("completion_rate", "0.6", "'completion_rate' must be float64, nullable, in 'share 0 to 1', not str"),
        ("preferred_hour", 7.5, "'preferred_hour' must be int64, nullable, in 'local hour 0 to 23', not a number that"),
        ("tip_volume", None, "'tip_volume' must be float64, not null, in 'tips per week', not null; leave it out when"),
        ("streak_days", True, "'streak_days' must be int64, not null, in 'days', not bool"),
        ("language", 1, "'language' must be string, nullable, in 'BCP 47 tag', not int"),
        ("notifications_enabled", 1, "'notifications_enabled' must be bool, not null, in 'true or false', not int"),
        ("goal", ["rest"], "'goal' must be string, nullable, in 'tip topic', not list"),
    ],
)
def test_a_wrong_type_is_refused_with_name_dtype_and_unit(name: str, value: JsonValue, said: str) -> None:
    with pytest.raises(InvalidFeature) as refused:
        ProfileAdmission().admit(FULL | {name: value})
    assert f"profile feature {said}" in str(refused.value)


@given(st.data())
def test_any_profile_that_fits_is_admitted_unchanged_but_for_strangers(data: st.DataObject) -> None:
    features = data.draw(st.lists(st.sampled_from(PROFILE_SCHEMA), unique=True))
    sent = {f.name: data.draw(st.none() | FITTING[f.dtype] if f.nullable else FITTING[f.dtype]) for f in features}
    strangers = data.draw(st.lists(st.sampled_from(["x", "goals", "Goal", ""]), unique=True))
    assert ProfileAdmission().admit(sent | dict.fromkeys(strangers, 1)) == dict.fromkeys(FEATURE_OF) | sent


@given(st.sampled_from(PROFILE_SCHEMA), st.data())
def test_any_wrong_value_is_refused_by_its_name(feature: ProfileFeature, data: st.DataObject) -> None:
    name, dtype = feature.name, feature.dtype
    with pytest.raises(InvalidFeature, match=f"'{name}' must be {dtype}"):
        ProfileAdmission().admit(FULL | {name: data.draw(WRONG[dtype])})
