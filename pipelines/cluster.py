"""What every step is in a cluster; the local runner needs none of it."""

import os
from enum import Enum
from importlib.metadata import version

from kfp import dsl, kubernetes, local  # type: ignore[import-untyped]  # KFP ships no types

VERSION = version("oo-ml")
BASE_IMAGE = os.environ.get("OO_PIPELINES_IMAGE", f"oo-pipelines:{VERSION}")
"""What every step runs in. Whoever compiles for a cluster names the image by digest, with its registry."""
ADDRESSES = "oo-pipelines"
"""The config map with the addresses, and the secret with those that hold a password, by the names of the settings."""
_PLAIN = ("OO_CATALOG", "OO_MLFLOW_URL", "OO_OFFLINE_STORE", "OO_ROLLOUT")
_SECRET = ("OO_NATS_URL", "OO_TIP_SCORES_URL")
_MAY = ("HELM_DRIVER", "OO_HELM_CHART", "OO_HELM_NAMESPACE", "OO_HELM_RELEASE", "OO_TRAFFIC")
_MAY_SECRET = ("OO_NATS_PASSWORD", "OO_NATS_USER")
_USER = 1034


class Needs(Enum):
    """What a step takes of a node: processors, memory asked for, and memory at most."""

    LITTLE = ("250m", "512Mi", "1Gi")
    ROWS = ("1", "2Gi", "8Gi")
    """It holds the rows of a dataset, or a part of them."""


def on_cluster(step: dsl.PipelineTask, needs: Needs) -> None:
    """Give a step its addresses, its share of a node and no more rights than it has to have.

    It is tried three times, since whatever it does may be done again. It is never taken from a cache: each step reads
    what lies outside of its arguments, and a cached promotion would promote nothing.

    A run on this machine needs none of it, and who waits for one wants to hear at once what went wrong.
    """
    if local.config.LocalExecutionConfig.instance is not None:
        return
    processors, asked, at_most = needs.value
    step.set_cpu_request(processors).set_memory_request(asked).set_memory_limit(at_most)
    step.set_retry(num_retries=2, backoff_duration="30s", backoff_factor=2.0)
    step.set_caching_options(enable_caching=False)
    kubernetes.use_config_map_as_env(step, ADDRESSES, {name: name for name in _PLAIN})
    kubernetes.use_secret_as_env(step, ADDRESSES, {name: name for name in _SECRET})
    kubernetes.use_config_map_as_env(step, ADDRESSES, {name: name for name in _MAY}, optional=True)
    kubernetes.use_secret_as_env(step, ADDRESSES, {name: name for name in _MAY_SECRET}, optional=True)
    kubernetes.set_security_context(step, run_as_user=_USER, run_as_group=_USER, run_as_non_root=True)
