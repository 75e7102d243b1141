import os

# Before any import of ours: no library phones home from a test.
os.environ.update(
    ORT_DISABLE_TELEMETRY="1",
    LITELLM_LOCAL_MODEL_COST_MAP="True",
    MLFLOW_DISABLE_TELEMETRY="true",
    BENTOML_DO_NOT_TRACK="True",
)
