"""What a rollout writes into a release's values, and what it reads there again."""

from collections.abc import Mapping
from typing import Any

import pytest

from oo.errors import TrafficRefused
from oo.registry.history import Subject
from oo.rollout.helm_traffic import follows, pods, routes, unused
from oo.rollout.traffic import Traffic

DIGITS = Subject(kind="model", name="digits")
NOBODY = Traffic(DIGITS, "1")
SHADOW = Traffic(DIGITS, "1", "2", mirror=True)
CANARY = Traffic(DIGITS, "1", "2", percent=25)
INSTALLED: dict[str, Any] = {
    "image": {"digest": "sha256:1"},
    "shadow": {"enabled": False, "percent": 100, "image": {"digest": ""}},
    "canary": {"enabled": False, "weight": 0, "image": {"digest": ""}},
    "rollout": {"subject": "", "stable": "", "candidate": "", "mirror": False, "percent": 0},
}


def given(old: Mapping[str, Any], *upgrades: Mapping[str, Any]) -> dict[str, Any]:
    """As Helm merges one upgrade's values after the other into those of a release."""
    for new in upgrades:
        old = {
            name: given(old[name], new[name])
            if isinstance(old[name], dict) and name in new
            else new.get(name, old[name])
            for name in old
        }
    return dict(old)


SHADOWED = given(INSTALLED, pods("shadow", INSTALLED), routes(SHADOW), unused(SHADOW))
SPLIT = given(SHADOWED, pods("canary", SHADOWED), routes(CANARY), unused(CANARY))


def test_after_its_upgrades_a_release_follows_the_traffic_and_no_other() -> None:
    for values, traffic in ((INSTALLED, NOBODY), (SHADOWED, SHADOW), (SPLIT, CANARY)):
        assert [other for other in (NOBODY, SHADOW, CANARY) if follows(values, other)] == [traffic]


def test_pods_that_get_no_traffic_yet_change_none() -> None:
    assert follows(given(INSTALLED, pods("shadow", INSTALLED)), NOBODY)
    assert follows(given(SHADOWED, pods("canary", SHADOWED)), SHADOW)


def test_what_a_person_took_away_is_noticed() -> None:
    assert not follows(given(SHADOWED, {"shadow": {"enabled": False}}), SHADOW)
    assert not follows(given(SPLIT, {"canary": {"enabled": False}}), CANARY)


def test_when_it_is_over_a_release_is_as_it_was_but_for_what_was_told_and_tried() -> None:
    over = given(SPLIT, routes(NOBODY), unused(NOBODY))
    for part in ("shadow", "canary"):
        assert over[part] | {"image": None} == INSTALLED[part] | {"image": None}
    assert over["rollout"]["subject"] == "model/digits"


def test_an_image_by_tag_is_no_ground_for_a_rollout() -> None:
    with pytest.raises(TrafficRefused, match=r"needs image\.digest"):
        pods("canary", given(INSTALLED, {"image": {"digest": ""}}))
