import re

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from oo import telemetry
from tests.deploy.charts import ROOT, validate

MANIFEST = yaml.safe_load((ROOT / "manifests" / "monitoring" / "alerts.yaml").read_text())
ALERTS = {rule["alert"]: rule for group in MANIFEST["spec"]["groups"] for rule in group["rules"]}


def _told() -> dict[str, set[str]]:
    """The series of each metric of ours, with their labels."""
    told: dict[str, set[str]] = {}
    for metric in vars(telemetry).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            (described,) = metric.describe()
            labels = set(metric._labelnames)  # noqa: SLF001 - the library tells them nowhere else
            endings = {Counter: ["_total"], Gauge: [""], Histogram: ["_bucket", "_sum", "_count"]}[type(metric)]
            for ending in endings:
                told[described.name + ending] = labels | ({"le"} if ending == "_bucket" else set())
    return told


def test_the_rules_are_what_the_operator_takes() -> None:
    validate([MANIFEST])


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_asks_for_metrics_and_labels_that_there_are(alert: str) -> None:
    expression, told = ALERTS[alert]["expr"], _told()
    asked = set(re.findall(r"\boo_\w+", expression))
    assert asked
    assert asked <= told.keys()
    grouped = {label for labels in re.findall(r"by \(([^)]*)\)", expression) for label in labels.split(", ")}
    matched = {label for labels in re.findall(r"{([^}]*)}", expression) for label in re.findall(r"(\w+)[!=~]+", labels)}
    known = set.union(*(told[name] for name in asked))
    assert grouped | matched <= known
    named = re.findall(r"\$labels\.(\w+)", str(ALERTS[alert]["annotations"]))
    assert set(named) <= grouped


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_it_means_and_what_to_do(alert: str) -> None:
    assert ALERTS[alert]["annotations"].keys() == {"summary", "remedy"}
    assert ALERTS[alert]["labels"]["severity"] in {"page", "ticket"}
