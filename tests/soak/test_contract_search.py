"""What both services answer to 2,000 requests that Schemathesis makes up: to make them up takes minutes of a core."""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import nats

from examples.caller import is_drained
from oo.local.settings import StackSettings
from tests.integration.waiting import until
from tests.local_stack import local_stack
from tests.soak.contract_search import FUZZED, search

CHECKS = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
}
TOKEN = "soak-" + "x" * 32


async def test_2000_requests_find_no_500_no_broken_promise_and_no_record_that_cannot_be_read(tmp_path: Path) -> None:
    callers = tmp_path / "callers.yaml"
    callers.write_text(f"soak: {{tokens: {TOKEN}}}")
    with local_stack(tmp_path / "stack", str(callers)) as stack:
        await _asked(stack)


async def _asked(stack: StackSettings) -> None:
    client = await nats.connect(f"nats://127.0.0.1:{stack.nats_port}")
    bus = client.jetstream()
    before = (await bus.stream_info("DLQ")).state.messages
    services = [f"http://127.0.0.1:{port}" for port in (stack.scorer_stable_port, stack.generator_port)]
    with ProcessPoolExecutor(len(services), mp_context=get_context("spawn")) as processes:
        loop = asyncio.get_running_loop()
        found = await asyncio.gather(*(loop.run_in_executor(processes, search, url, TOKEN) for url in services))
    for findings in found:
        assert not findings.violations, "\n\n".join(findings.violations[:5])
        assert findings.phases == {"examples", "coverage", "fuzzing"}
        assert findings.checks >= CHECKS
        assert findings.answers["positive", 200] > FUZZED / 2
        assert findings.answers["negative", 422] > 100
    assert sum(findings.answers.total() for findings in found) >= 2000

    async def all_read() -> bool:
        return await is_drained(bus, "archive") and await is_drained(bus, "rewards")

    await until(all_read)
    assert (await bus.stream_info("DLQ")).state.messages == before
    await client.close()
