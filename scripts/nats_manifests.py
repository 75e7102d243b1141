"""Writes streams, durables, buckets and users for NATS: `python -m scripts.nats_manifests`.

In manifests/nats streams, durables and buckets are resources of the NATS JetStream controller (NACK), and the users
are part of a server's configuration. `oo bootstrap` makes the first by itself, and the chart `platform` the second;
where NATS is run by other hands, these files are for them. The laptop stack's server reads the users too.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from nats.js.api import Base

from oo.bus.roles import accounts, variable
from oo.bus.streams import BUCKETS, bucket_config, durable_config, stream_config
from oo.events.subjects import DURABLES, STREAMS, Durable, StreamName

ROOT = Path(__file__).resolve().parents[1]

_MANIFESTS = "manifests/nats"
_WRITTEN = "# Written by `python -m scripts.nats_manifests` from src/oo/"
_HEAD = f"{_WRITTEN}events/subjects.py and src/oo/bus/streams.py.\n"
_USERS = f"{_WRITTEN}bus/roles.py.\n"
_BY_VARIABLE = "# `include` it; the server's environment has each password as OO_NATS_PASSWORD_<ROLE>.\n"
_LAPTOP = """\
# Addresses and the storage folder come from the command line. Nobody needs a password on a laptop: the processes name
# their users all the same, so that none can do here what it may not in a cluster.
max_payload: 8MB
"""
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def documents() -> dict[str, str]:
    """The text of each file that is written here."""
    return {
        f"{_MANIFESTS}/streams.yaml": _text(_resource("Stream", name.lower(), _stream(name)) for name in STREAMS),
        f"{_MANIFESTS}/consumers.yaml": _text(
            _resource("Consumer", durable.name, _durable(durable)) for durable in DURABLES
        ),
        f"{_MANIFESTS}/buckets.yaml": _text(
            _resource("KeyValue", name.replace("_", "-"), _bucket(name)) for name in BUCKETS
        ),
        f"{_MANIFESTS}/accounts.conf": f"{_USERS}{_BY_VARIABLE}{accounts(variable)}",
        "src/oo/local/nats.conf": f"{_USERS}{_LAPTOP}{accounts(json.dumps, nobody='operator')}",
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
        (ROOT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
