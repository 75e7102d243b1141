from pathlib import Path

import pytest

from oo.catalog import load
from oo.errors import InvalidCatalog, UnknownTenant

ROOT = Path(__file__).parents[2]
SERVICE = """
feature_services:
  - {name: tiny@1, model: tiny, columns: [{source: context, name: hour, type: number}]}
"""
TENANT = """
tenants:
  - {name: shop, feature_service: tiny@1, policy: {name: epsilon_greedy, version: "1", epsilon: 0.1}}
"""
SPLIT = """
tenants:
  - name: shop
    feature_service: tiny@1
    policy: {name: uniform, version: "1"}
    experiment:
      name: first
      variants:
        - {name: one, share: 0.5, policy: {name: uniform, version: "1"}}
        - {name: other, share: 0.5, policy: {name: uniform, version: "1"}}
"""
LONG = "x" * 257


def write(folder: Path, *texts: str) -> list[Path]:
    paths = [folder / f"{number}.yaml" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def test_the_shipped_catalogs_fit_together() -> None:
    catalog = load([ROOT / "catalog/tips.yaml", *sorted(ROOT.glob("examples/*/catalog.yaml"))])
    assert {tenant.name for tenant in catalog.tenants} == {"example", "digits", "open_bandit"}
    assert catalog.service("digits@1").width == 74


def test_a_tenant_may_use_the_service_of_another_file(tmp_path: Path) -> None:
    assert load(write(tmp_path, TENANT, SERVICE)).tenant("shop").feature_service == "tiny@1"


def test_a_tenant_may_run_an_experiment(tmp_path: Path) -> None:
    tenant = load(write(tmp_path, SERVICE, SPLIT)).tenant("shop")
    assert tenant.experiment is not None
    assert [variant.name for variant in tenant.experiment.variants] == ["one", "other"]


def test_a_tenant_may_name_its_testers(tmp_path: Path) -> None:
    named = TENANT.replace("name: shop,", "name: shop, testers: [ann, ben],")
    assert load(write(tmp_path, SERVICE, named)).tenant("shop").testers == ("ann", "ben")
    with pytest.raises(InvalidCatalog, match="testers"):
        load(write(tmp_path, SERVICE, named.replace("ben", "''")))


def test_a_tenant_may_declare_policies_for_rollouts_each_once(tmp_path: Path) -> None:
    declared = TENANT.replace("name: shop,", 'name: shop, candidates: [{name: uniform, version: "1"}],')
    tenant = load(write(tmp_path, SERVICE, declared)).tenant("shop")
    assert list(tenant.policies) == ["epsilon_greedy@1", "uniform@1"]
    twice = TENANT.replace("name: shop,", 'name: shop, candidates: [{name: epsilon_greedy, version: "1", epsilon: 0}],')
    with pytest.raises(InvalidCatalog, match="a candidate has the name and version of another policy"):
        load(write(tmp_path, SERVICE, twice))


def test_an_unknown_tenant_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownTenant, match="'nobody' is in no catalog file"):
        load(write(tmp_path, SERVICE)).tenant("nobody")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ((TENANT,), "unknown feature service 'tiny@1'"),
        ((SERVICE, SERVICE), "declared twice: tiny@1"),
        ((SERVICE, TENANT, TENANT), "declared twice: shop"),
        ((SERVICE + "colours: [red]",), "unknown keys colours"),
        ((SERVICE.replace("context", "profile"), TENANT), "the profile schema has no hour"),
        ((SERVICE, TENANT.replace("epsilon_greedy", "guess")), "policy"),
        ((SERVICE, TENANT.replace("0.1", "2")), "epsilon"),
        # What no decision could be recorded with.
        ((SERVICE.replace("tiny@1", f"{LONG}@1"),), r"feature_services.0.name"),
        ((SERVICE.replace("model: tiny", f"model: {LONG}"),), r"feature_services.0.model"),
        ((SERVICE, TENANT.replace('"1"', LONG)), "policy.*version"),
        ((SERVICE, SPLIT.replace("first", '"fir\\0st"')), "experiment.name"),
        ((SERVICE, SPLIT.replace("first", LONG)), "experiment.name"),
        ((SERVICE, SPLIT.replace("other", '"oth\\0er"')), "experiment.variants.1.name"),
        (("- just\n- a list",), "not a mapping"),
        (("{",), "not a mapping"),
    ],
)
def test_a_catalog_that_contradicts_itself_is_refused(tmp_path: Path, texts: tuple[str, ...], said: str) -> None:
    with pytest.raises(InvalidCatalog, match=said):
        load(write(tmp_path, *texts))


def test_a_missing_file_is_named_with_the_setting(tmp_path: Path) -> None:
    with pytest.raises(InvalidCatalog, match=r"missing\.yaml.*OO_CATALOG"):
        load([tmp_path / "missing.yaml"])
