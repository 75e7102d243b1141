"""Which version a service serves, by its own word."""

from oo.rollout.serving import serves

TOLD = 'oo_model_version{model="digits"} 12.0\noo_model_version{model="tips"} 1\n'


def test_a_version_is_served_when_the_metrics_name_it_and_not_one_that_begins_alike() -> None:
    assert serves(TOLD, "digits", "12")
    assert serves(TOLD, "tips", "1")
    for model, version in (("digits", "1"), ("digits", "2"), ("tips", "12"), ("igits", "12"), ("d.gits", "12")):
        assert not serves(TOLD, model, version)
