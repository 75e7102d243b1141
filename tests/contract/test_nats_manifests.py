"""manifests/nats, the code and a real server say the same."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import nats
import pytest
import yaml
from nats.js import JetStreamContext

from oo.bus import streams
from scripts import nats_manifests
from tests.integration.nats_server import NatsServer

UNITS = {"h": 3600, "m": 60, "s": 1}
MANIFESTS = nats_manifests.ROOT / "manifests" / "nats"


@pytest.fixture
async def jetstream(tmp_path: Path) -> AsyncIterator[JetStreamContext]:
    server = NatsServer(tmp_path / "jetstream", tmp_path)
    server.start()
    client = await nats.connect(server.url)
    yield client.jetstream()
    await client.close()
    server.stop()


def specs(file: str, kind: str) -> Iterator[dict[str, Any]]:
    for resource in yaml.safe_load_all((MANIFESTS / file).read_text()):
        assert (resource["apiVersion"], resource["kind"]) == ("jetstream.nats.io/v1beta2", kind)
        yield resource["spec"]


def seconds(duration: str) -> float:
    return float(duration[:-1]) * UNITS[duration[-1]]


def test_the_manifests_are_those_of_the_code() -> None:
    wanted = nats_manifests.documents()
    written = {name: (nats_manifests.ROOT / name).read_text() for name in wanted}
    assert written == wanted, "run `make manifests`"
    assert {MANIFESTS / Path(name).name for name in wanted if name.startswith("manifests")} == set(MANIFESTS.iterdir())


def test_every_resource_has_a_name_that_kubernetes_takes() -> None:
    names = [
        (resource["kind"], resource["metadata"]["name"])
        for path in MANIFESTS.glob("*.yaml")
        for resource in yaml.safe_load_all(path.read_text())
    ]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "a").isalnum() and name == name.lower() for _, name in names)


async def test_a_fresh_server_has_the_streams_of_the_manifest_and_no_other(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    made = {info.config.name: info.config for info in await jetstream.streams_info()}
    declared = {spec["name"]: spec for spec in specs("streams.yaml", "Stream")}
    buckets = {f"KV_{spec['bucket']}" for spec in specs("buckets.yaml", "KeyValue")}
    assert set(made) == set(declared) | buckets
    for name, spec in declared.items():
        config = made[name]
        assert spec == {
            "name": name,
            "subjects": config.subjects,
            "retention": config.retention,
            "storage": config.storage,
            "replicas": config.num_replicas,
            "discard": config.discard,
            "maxAge": spec["maxAge"],
            "maxBytes": config.max_bytes,
            "maxMsgSize": config.max_msg_size,
            "duplicateWindow": spec["duplicateWindow"],
        } | ({"denyDelete": True, "denyPurge": True} if config.deny_delete and config.deny_purge else {})
        assert seconds(spec["maxAge"]) == config.max_age
        assert seconds(spec["duplicateWindow"]) == config.duplicate_window


async def test_a_fresh_server_has_the_durables_of_the_manifest_and_no_other(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    declared = {spec["durableName"]: spec for spec in specs("consumers.yaml", "Consumer")}
    made = {info.name: info for stream in await jetstream.streams_info() for info in await _durables(jetstream, stream)}
    assert set(made) == set(declared)
    for name, spec in declared.items():
        config = made[name].config
        assert spec == {
            "streamName": made[name].stream_name,
            "durableName": config.durable_name,
            "deliverPolicy": config.deliver_policy,
            "replayPolicy": config.replay_policy,
            "ackPolicy": config.ack_policy,
            "ackWait": spec["ackWait"],
            "maxDeliver": config.max_deliver,
            "maxAckPending": config.max_ack_pending,
            "filterSubjects": config.filter_subjects or [config.filter_subject],
        }
        assert seconds(spec["ackWait"]) == config.ack_wait


async def test_a_fresh_server_has_the_buckets_of_the_manifest(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    for spec in specs("buckets.yaml", "KeyValue"):
        config = (await (await jetstream.key_value(spec["bucket"])).status()).stream_info.config
        assert spec == {
            "bucket": spec["bucket"],
            "history": config.max_msgs_per_subject,
            "storage": config.storage,
            "replicas": config.num_replicas,
        } | ({"ttl": spec.get("ttl")} if config.max_age else {})
        assert seconds(spec.get("ttl", "0h")) == (config.max_age or 0)


async def _durables(jetstream: JetStreamContext, stream: Any) -> list[Any]:  # noqa: ANN401  # the client's own types
    return await jetstream.consumers_info(stream.config.name)
