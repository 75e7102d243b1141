"""Prometheus reads every pod of ours, and knows what the alerts ask for."""

import asyncio
import re
from functools import partial
from typing import Any

import httpx
import yaml

from oo.local.settings import PROJECT_DIR
from tests.cluster.asking import asking, question, until
from tests.cluster.commands import NAMESPACE, forwarded
from tests.cluster.installation import staying

RULES = yaml.safe_load((PROJECT_DIR / "manifests/monitoring/alerts.yaml").read_text())["spec"]["groups"]
EXPRESSIONS = [rule["expr"] for group in RULES for rule in group["rules"]]
OF_A_HISTOGRAM = re.compile(r"_(bucket|sum|count)$")
ALWAYS = {"oo_decisions_total", "oo_decision_seconds_bucket", "oo_tips_total", "oo_consumer_lag"}
"""Of the metrics of alerts, those that a healthy installation has series of. Others begin with the first incident."""


def ours() -> set[str]:
    """The pods of services and consumers."""
    found = staying(
        "--selector=app.kubernetes.io/part-of=oo,app.kubernetes.io/name in (oo-scorer,oo-generator,consumers)",
        "--field-selector=status.phase=Running",
    )
    return {pod["metadata"]["name"] for pod in found}


async def test_every_pod_is_read_and_every_metric_of_an_alert_is_known() -> None:
    async with asking() as client:
        assert (await client.post("/score", json=question(2))).is_success
        assert (await client.post("/generate", json={"tenant_id": "example", "user_id": "ada"})).is_success
    with forwarded("service/prometheus", 9090, "prometheus") as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1/", timeout=30) as prometheus:

            async def asked(path: str, **parameters: str) -> Any:  # noqa: ANN401  # each answer has a form of its own
                answer = await prometheus.get(path, params=parameters)
                assert answer.is_success, answer.text
                return answer.json()["data"]

            async def read() -> bool:
                samples = (await asked("query", query=f'up{{namespace="{NAMESPACE}"}}'))["result"]
                up = {sample["metric"]["pod"] for sample in samples if sample["value"][1] == "1"}
                return await asyncio.to_thread(ours) <= up

            async def has_series(metric: str) -> bool:
                return bool((await asked("query", query=metric))["result"])

            assert len(ours()) >= 7
            await until(read)

            known = await asked("metadata")
            for expression in EXPRESSIONS:
                await asked("query", query=expression)
                for metric in re.findall(r"\boo_\w+", expression):
                    assert OF_A_HISTOGRAM.sub("", metric) in known, metric
            for metric in ALWAYS:
                await until(partial(has_series, metric))
