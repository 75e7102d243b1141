# ruff: noqa: INP001  # a program of the chart, part of no package
"""Makes the Secret of the database's user, unless it is there."""

import os
import secrets

from oo.bus.kubernetes_secrets import KubernetesSecrets

name = os.environ["POSTGRES_SECRET"]
kept = KubernetesSecrets(os.environ["POD_NAMESPACE"])
if kept.get(name) is None:
    password = secrets.token_urlsafe(32)
    url = f"postgresql+psycopg://oo:{password}@{os.environ['POSTGRES_HOST']}:5432/tip_scores"
    kept.put(name, {"user": "oo", "password": password, "url": url})
