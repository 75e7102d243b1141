"""Imports what MLflow's server does, so that all of it is compiled in the image."""

import importlib

for module in ("mlflow.cli", "mlflow.server.fastapi_app", "mlflow.store.db.utils"):
    importlib.import_module(module)
