# ruff: noqa: INP001 - a pod runs it by itself
"""Send the service one real request, as the first of its callers, and fail unless it was answered and recorded."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

import yaml

url, body, callers_file = sys.argv[1:]
callers = Path(callers_file)
headers = {"content-type": "application/json"}
if callers.exists():
    tokens = next(iter(yaml.safe_load(callers.read_text()).values()))["tokens"]
    headers["authorization"] = f"Bearer {tokens if isinstance(tokens, str) else tokens[0]}"
request = urllib.request.Request(url, body.encode(), headers)  # noqa: S310 - an address of the chart's own
try:
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - the same
        answer = json.load(response)
except urllib.error.HTTPError as refused:
    sys.exit(f"{url} answered {refused.code}: {refused.read().decode()}")
sys.stdout.write(f"{json.dumps(answer)}\n")
if "decision_log" in answer["degraded"]:
    sys.exit("the decision was not recorded: is the bus there?")
