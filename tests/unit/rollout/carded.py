"""Registered versions with their cards."""

import json

from oo.registry.memory_registry import MemoryRegistry
from oo.registry.registry import ModelVersion
from oo.training.registration import MANIFEST, VERDICT, write_card
from tests.training_data import SERVICE

PASSED = {
    "champion": 1,
    "reasons": [{"name": "parity", "passed": True, "sentence": "The file gives the model's numbers."}],
}
MADE_OF = {
    "dataset": {
        "rows": 900,
        "excluded": {},
        "first_decided_at": "2026-10-01",
        "last_decided_at": "2026-10-20",
        "as_of": "2026-10-21",
        "table_version": 12,
        "rows_sha256": "a" * 64,
    },
    "fit": {
        "recipe": "forest",
        "parameters": {"trees": 100},
        "searched_rows": 900,
        "log_loss": {"forest": 0.3},
        "calibration": {"method": "none"},
        "parity_difference": 2e-7,
        "parity_rows": 900,
        "seed": 5,
    },
}
WORDS = "# digits\n\n## Owners\n\nUs.\n\n## Intended use\n\nTests.\n\n## Limits\n\nDigits.\n"


def carded(registry: MemoryRegistry, number: int) -> ModelVersion:
    """The version of this number, judged and with a complete card."""
    version = registry.register(
        "digits",
        f"model {number}".encode(),
        feature_service="digits@1",
        feature_digest=SERVICE.digest,
        files={MANIFEST: json.dumps(MADE_OF).encode(), VERDICT: json.dumps(PASSED).encode()},
        tags={},
    )
    write_card(registry, SERVICE, version, WORDS)
    return version
