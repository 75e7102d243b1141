"""Writes streams, durables and buckets into manifests/nats: `python -m scripts.nats_manifests`.

There they are resources of the NATS JetStream controller (NACK). Consumers make the same by themselves at start; a
cluster that runs the controller may hold them as resources instead, with limits of its own.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from nats.js.api import Base

from oo.bus.streams import BUCKETS, bucket_config, durable_config, stream_config
from oo.events.subjects import DURABLES, STREAMS, Durable, StreamName

FOLDER = Path(__file__).resolve().parents[1] / "manifests" / "nats"

_HEAD = "# Written by `python -m scripts.nats_manifests` from src/oo/events/subjects.py and src/oo/bus/streams.py.\n"
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def documents() -> dict[str, str]:
    """What manifests/nats holds, as text by file name."""
    return {
        "streams.yaml": _text(_resource("Stream", name.lower(), _stream(name)) for name in STREAMS),
        "consumers.yaml": _text(_resource("Consumer", durable.name, _durable(durable)) for durable in DURABLES),
        "buckets.yaml": _text(_resource("KeyValue", name.replace("_", "-"), _bucket(name)) for name in BUCKETS),
    }


def _stream(name: StreamName) -> dict[str, Any]:
    config = _plain(stream_config(name))
    denied = {"denyDelete": config["deny_delete"], "denyPurge": config["deny_purge"]}
    return {
        "name": name,
        "subjects": config["subjects"],
        "retention": config["retention"],
        "storage": config["storage"],
        "replicas": config["num_replicas"],
        "discard": config["discard"],
        "maxAge": _duration(config["max_age"]),
        "maxBytes": config["max_bytes"],
        "maxMsgSize": config["max_msg_size"],
        "duplicateWindow": _duration(config["duplicate_window"]),
    } | {name: True for name, denies in denied.items() if denies}


def _durable(durable: Durable) -> dict[str, Any]:
    config = _plain(durable_config(durable))
    return {
        "streamName": durable.stream,
        "durableName": durable.name,
        "deliverPolicy": config["deliver_policy"],
        "replayPolicy": config["replay_policy"],
        "ackPolicy": config["ack_policy"],
        "ackWait": _duration(config["ack_wait"]),
        "maxDeliver": config["max_deliver"],
        "maxAckPending": config["max_ack_pending"],
        "filterSubjects": config["filter_subjects"],
    }


def _bucket(name: str) -> dict[str, Any]:
    config = _plain(bucket_config(name))
    spec = {key: config[key] for key in ("bucket", "history", "storage", "replicas")}
    return spec | ({"ttl": _duration(config["ttl"])} if config["ttl"] else {})


def _plain(config: Base) -> dict[str, Any]:
    """The fields as the client sends them: words for enums, nanoseconds for times."""
    fields: dict[str, Any] = json.loads(json.dumps(config.as_dict()))
    return fields


def _duration(nanoseconds: int) -> str:
    """As the controller reads it, in the largest unit that makes it a whole number."""
    seconds = nanoseconds // 10**9
    unit = next(unit for unit, length in _SECONDS.items() if seconds % length == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"


def _resource(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "jetstream.nats.io/v1beta2", "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


def _text(resources: Iterable[Mapping[str, Any]]) -> str:
    return _HEAD + yaml.safe_dump_all(resources, sort_keys=False, explicit_start=True)


def main() -> None:
    """Renew the files."""
    for name, text in documents().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
