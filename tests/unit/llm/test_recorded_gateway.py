import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from pydantic import JsonValue

from oo.errors import GatewayFailed
from oo.llm.gateway import Completion, CompletionRequest, Message, Quote
from oo.llm.recorded_gateway import RecordedGateway

SCHEMA: dict[str, JsonValue] = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "body": {"type": "string"}},
}
REQUEST = CompletionRequest((Message("system", "Be brief."), Message("user", "Grüße")), SCHEMA, 99, 0.5, 7)


@dataclass
class Live:
    """Answers with a number, and fails when it should."""

    fails: bool = False
    asked: list[CompletionRequest] = field(default_factory=list)

    def quote(self, request: CompletionRequest) -> Quote:
        return Quote(len(request.messages), 0.5)

    async def complete(
        self,
        request: CompletionRequest,
        *,
        timeout: float,  # noqa: ASYNC109  # the port's signature
    ) -> Completion:
        self.asked.append(request)
        if self.fails:
            raise GatewayFailed(f"not within {timeout}")
        return Completion(f"Grüße \ud800 {len(self.asked)}", "live", 2, 3, 0.25)


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.fixture
def live() -> Live:
    return Live()


async def test_what_is_missing_is_asked_once_and_replayed_from_then_on(tmp_path: Path, live: Live) -> None:
    recording = RecordedGateway(tmp_path / "new", live)
    first = await recording.complete(REQUEST, timeout=1)

    assert await recording.complete(REQUEST, timeout=1) == first
    assert live.asked == [REQUEST]
    replaying = RecordedGateway(tmp_path / "new")
    assert await replaying.complete(REQUEST, timeout=1) == first
    assert replaying.quote(REQUEST) == live.quote(REQUEST)


async def test_the_order_of_keys_in_the_schema_makes_no_other_request(tmp_path: Path, live: Live) -> None:
    recording = RecordedGateway(tmp_path, live)
    await recording.complete(REQUEST, timeout=1)
    turned = replace(REQUEST, schema=dict(reversed(list(SCHEMA.items()))))

    assert await RecordedGateway(tmp_path).complete(turned, timeout=1)


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, seed=8),
        replace(REQUEST, temperature=0.6),
        replace(REQUEST, max_tokens=98),
        replace(REQUEST, schema={}),
        replace(REQUEST, messages=(Message("user", "Be brief."), Message("user", "Grüße"))),
        replace(REQUEST, messages=REQUEST.messages[:1]),
    ],
)
async def test_a_request_that_differs_in_anything_has_an_answer_of_its_own(
    tmp_path: Path, live: Live, other: CompletionRequest
) -> None:
    await RecordedGateway(tmp_path, live).complete(REQUEST, timeout=1)

    with pytest.raises(GatewayFailed, match=r"no answer is recorded in .*json: run it once with a live model"):
        await RecordedGateway(tmp_path).complete(other, timeout=1)
    with pytest.raises(GatewayFailed, match="no answer is recorded"):
        RecordedGateway(tmp_path).quote(other)


async def test_a_file_reads_well_and_differs_where_the_answer_does(tmp_path: Path, live: Live) -> None:
    await RecordedGateway(tmp_path, live).complete(REQUEST, timeout=1)

    (file,) = _files(tmp_path)
    assert len(file.stem) == 64
    lines = file.read_text(encoding="utf-8").splitlines()
    assert '    "text": "Grüße \\ud800 1"' in lines
    assert '        "content": "Grüße",' in lines


async def test_the_answer_of_another_request_is_not_replayed_under_a_wrong_name(tmp_path: Path, live: Live) -> None:
    gateway = RecordedGateway(tmp_path, live)
    await gateway.complete(REQUEST, timeout=1)
    (mine,) = _files(tmp_path)
    other = replace(REQUEST, seed=8)
    await gateway.complete(other, timeout=1)
    (theirs,) = set(_files(tmp_path)) - {mine}
    theirs.replace(mine)

    for asked in (RecordedGateway(tmp_path), gateway):
        with pytest.raises(GatewayFailed, match="holds the answer to another request: delete it"):
            await asked.complete(REQUEST, timeout=1)


async def test_a_request_that_was_edited_in_its_file_is_an_error(tmp_path: Path, live: Live) -> None:
    await RecordedGateway(tmp_path, live).complete(REQUEST, timeout=1)
    (file,) = _files(tmp_path)
    document = json.loads(file.read_text(encoding="utf-8"))
    document["request"]["temperature"] = 1.0
    file.write_text(json.dumps(document), encoding="utf-8")

    with pytest.raises(GatewayFailed, match="another request"):
        await RecordedGateway(tmp_path).complete(REQUEST, timeout=1)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"request": 1}'])
async def test_a_file_that_holds_no_recording_is_an_error_that_names_it(
    tmp_path: Path, live: Live, content: bytes
) -> None:
    await RecordedGateway(tmp_path, live).complete(REQUEST, timeout=1)
    (file,) = _files(tmp_path)
    file.write_bytes(content)

    with pytest.raises(GatewayFailed, match=f"{file.name} cannot be read: delete it and record it again"):
        await RecordedGateway(tmp_path, live).complete(REQUEST, timeout=1)


async def test_a_failure_is_not_recorded(tmp_path: Path, live: Live) -> None:
    live.fails = True

    with pytest.raises(GatewayFailed, match="not within 1"):
        await RecordedGateway(tmp_path, live).complete(REQUEST, timeout=1)

    assert _files(tmp_path) == []
