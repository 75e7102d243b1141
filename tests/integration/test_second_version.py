"""A move of the contract on a real server: old and new side by side, and what nobody knows yet kept for later."""

import json
from collections.abc import Sequence

import pytest
from nats.js import JetStreamContext

from oo.bus import streams
from oo.bus.delivery import Acknowledge, Delivery, Door
from oo.bus.handling import events_only
from oo.events.codec import READERS, decode
from oo.events.envelope import Envelope
from oo.events.subjects import SUBJECTS
from tests.contract.second_version import EnvelopeV2, lifted, read_v1
from tests.envelopes import envelope
from tests.integration.consuming import all_left, consuming, count

V1 = envelope("activity_completed")
V2 = lifted(V1)
V3 = json.dumps(json.loads(V2.to_json()) | {"schemaVersion": "v3", "activityCompleted": {"task": "walk"}}).encode()


async def test_both_versions_are_read_and_an_unknown_one_is_kept_with_that_reason(
    jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(READERS, "v1", read_v1)
    monkeypatch.setitem(READERS, "v2", EnvelopeV2.model_validate_json)
    read: list[Envelope] = []

    async def remember(events: Sequence[tuple[Delivery, Envelope]]) -> list[Door]:
        read.extend(event for _, event in events)
        return [Acknowledge() for _ in events]

    await streams.ensure(jetstream)
    for data in (V1.to_json(), V2.to_json(), V3):
        await jetstream.publish(SUBJECTS["activity_completed"], data)
    async with consuming(jetstream, events_only(remember)):
        await all_left(jetstream)

    assert read == [V2, V2]
    assert await count(jetstream, "DLQ") == 1
    letter = await jetstream.get_last_msg("DLQ", "dlq.signals")
    assert letter.headers is not None
    assert letter.headers["Oo-Reason"] == "unknown_schema_version"
    assert letter.data == V3

    # A later release reads what was kept.
    monkeypatch.setitem(READERS, "v3", lambda _: V2)
    assert decode(letter.data) == V2
