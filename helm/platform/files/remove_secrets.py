# ruff: noqa: INP001  # a program of the chart, part of no package
"""Deletes the named Secrets, which Helm does not: a Job made them."""

import os
import sys

from kubernetes import client, config  # type: ignore[import-untyped]  # it ships no types

NOT_FOUND = 404

config.load_incluster_config()
api = client.CoreV1Api()
for name in sys.argv[1:]:
    try:
        api.delete_namespaced_secret(name, os.environ["POD_NAMESPACE"])
    except client.ApiException as error:
        if error.status != NOT_FOUND:
            raise
