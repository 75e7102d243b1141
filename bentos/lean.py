"""What both services ask of BentoML: the server and its health, without its work on each request."""

from typing import Any

# Access log, metrics and spans of BentoML's own took longer than a decision does. Our app has /metrics itself.
LEAN: dict[str, Any] = {
    "workers": 1,
    "logging": {"access": {"enabled": False}},
    "metrics": {"enabled": False},
    "tracing": {"excluded_urls": ["."]},
}
