"""What a rollout writes into a release's values, and what it reads there again."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from oo.errors import TrafficRefused
from oo.registry.history import Subject
from oo.rollout.helm_traffic import HelmTraffic, Release, follows, pods, routes, unused
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


class Helm:
    """A program that tells what was installed, and keeps what each upgrade was asked; nothing serves behind it."""

    def __init__(self, folder: Path, values: Mapping[str, Any], *, upgrade: str = "exit 0") -> None:
        self._asked = folder / "asked"
        self._asked.mkdir()
        (folder / "values").write_text(json.dumps(values))
        (folder / "status").write_text(json.dumps({"info": {"status": "deployed"}}))
        self.program = folder / "helm"
        self.program.write_text(
            f"""#!/bin/sh
cd {folder}
case $1 in
  status) cat status ;;
  get) cat values ;;
  upgrade) name=asked/$(ls asked | wc -l); (echo "$@"; cat) > $name; {upgrade} ;;
esac
"""
        )
        self.program.chmod(0o755)

    @property
    def upgrades(self) -> list[tuple[bool, dict[str, Any]]]:
        """Whether each waited for its pods, and its values."""
        asked = [path.read_text().split("\n", 1) for path in sorted(self._asked.iterdir())]
        return [("--rollback-on-failure" in command.split(), json.loads(given)) for command, given in asked]

    def traffic(self) -> HelmTraffic:
        """Of the release `oo-scorer`."""
        release = Release("oo-scorer", "nowhere", Path("helm/bento"), program=str(self.program))
        return HelmTraffic(release, patience=0.1)


async def test_no_route_leads_to_pods_that_do_not_serve(tmp_path: Path) -> None:
    helm = Helm(tmp_path, INSTALLED)
    with pytest.raises(TrafficRefused, match=r"every pod of oo-scorer-shadow-pods\.nowhere serves digits 2: not"):
        await helm.traffic().apply(SHADOW)
    assert helm.upgrades == [(True, pods("shadow", INSTALLED))]


async def test_no_route_leads_to_pods_that_are_not_ready(tmp_path: Path) -> None:
    helm = Helm(tmp_path, SHADOWED, upgrade="echo 'context deadline exceeded' >&2; exit 1")
    with pytest.raises(TrafficRefused, match=r"context deadline exceeded; `oo rollout settle` goes on"):
        await helm.traffic().apply(CANARY)
    assert helm.upgrades == [(True, pods("canary", SHADOWED))]


@pytest.mark.parametrize("values", [SHADOWED, SPLIT], ids=["shadow", "canary"])
async def test_routes_leave_pods_without_waiting_for_any(tmp_path: Path, values: dict[str, Any]) -> None:
    helm = Helm(tmp_path, values)
    with pytest.raises(TrafficRefused, match=r"oo-scorer-stable-pods\.nowhere serves digits 1: not within"):
        await helm.traffic().apply(NOBODY)
    assert helm.upgrades == [(False, routes(NOBODY)), (False, unused(NOBODY))]
