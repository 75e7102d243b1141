"""What a container may do, seen from inside of each."""

import json
from base64 import b64decode

from tests.cluster.commands import kubectl, objects
from tests.cluster.installation import TOKEN, staying

INSIDE = """
import json, os
from pathlib import Path

status = dict(line.split(":\\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\\t" in line)
writable = []
for top in " app opt opt/oo/site etc usr var tmp home root run var/lib/oo dev/shm".split(" "):
    probe = Path("/", top, ".probe")
    try:
        probe.touch()
        probe.unlink()
        writable.append(f"/{top}")
    except OSError:
        pass
print(json.dumps({
    "uid": os.getuid(),
    "gid": os.getgid(),
    "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16),
    "no new privileges": status["NoNewPrivs"].strip() == "1",
    "seccomp filters": status["Seccomp"].strip() == "2",
    "token": os.path.exists("/var/run/secrets/kubernetes.io/serviceaccount/token"),
    "writable": writable,
}))
"""


def test_every_container_of_ours_runs_as_nobody_with_no_capability_and_writes_only_where_it_must() -> None:
    seen = {}
    for pod in staying("--selector=app.kubernetes.io/part-of=oo", "--field-selector=status.phase=Running"):
        labels, name = pod["metadata"]["labels"], pod["metadata"]["name"]
        if not pod["spec"]["containers"][0]["image"].startswith("localhost/oo-") or "oo-try-" in str(
            pod["spec"]["containers"]
        ):
            continue
        for container in pod["spec"]["containers"]:
            told = json.loads(kubectl("exec", name, f"--container={container['name']}", "--", "python3", "-c", INSIDE))
            seen[labels["app.kubernetes.io/name"], labels.get("app.kubernetes.io/component")] = told
    print(json.dumps({"/".join(map(str, key)): value for key, value in seen.items()}, indent=1))
    assert {name for name, _ in seen} >= {"oo-scorer", "oo-generator"}
    assert len(seen) >= 5
    for (_, component), told in seen.items():
        writable = {"/tmp", "/dev/shm"} | ({"/var/lib/oo"} if component == "archive" else set())  # noqa: S108  # in the container
        assert told["uid"] == told["gid"] == 1034
        assert told["capabilities"] == 0
        assert (told["no new privileges"], told["seccomp filters"], told["token"]) == (True, True, False)
        assert set(told["writable"]) <= writable


def test_no_secret_stands_in_a_log_or_in_a_process_list() -> None:
    (secret, *_) = objects("secret/oo-nats-scorer")
    assert secret["data"]["password"]
    planted = [TOKEN, _plain(secret["data"]["password"])]
    for pod in staying("--field-selector=status.phase=Running"):
        name = pod["metadata"]["name"]
        said = kubectl("logs", name, "--all-containers", "--tail=-1")
        processes = kubectl("exec", name, "--", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        for value in planted:
            assert value not in said, f"{name} logs a secret"
            assert value not in processes, f"{name} has a secret among its arguments"


def _plain(encoded: str) -> str:
    return b64decode(encoded).decode()
