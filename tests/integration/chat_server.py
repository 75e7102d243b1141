"""A small server that speaks the OpenAI chat protocol, and can be as unhelpful as a test wants."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Literal, Self

Mood = Literal["helpful", "silent", "failing", "garbled", "choiceless", "hanging_up"]


@dataclass
class ChatServer:
    """Answers every chat completion with `text`, in its `mood`, and keeps what it was asked."""

    text: str
    mood: Mood = "helpful"
    model: str = "tiny-model-2026"
    """What it says that it is."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    hung_up_on: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a caller went away without waiting for its answer."""
    _server: asyncio.Server | None = field(default=None, init=False)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._converse, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def api_base(self) -> str:
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}/v1"

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:"))
            self.asked.append(json.loads(await reader.readexactly(length)))
            self.headers.append(head)
            if self.mood == "silent":
                await reader.read()
                self.hung_up_on.set()
            elif self.mood != "hanging_up":
                writer.write(self._answer())
                await writer.drain()
        finally:
            writer.close()

    def _answer(self) -> bytes:
        status, body = 200, json.dumps(self._completion()).encode()
        if self.mood == "failing":
            status, body = 500, b'{"error": {"message": "out of memory"}}'
        elif self.mood == "garbled":
            body = b"<html>a proxy's page</html>"
        head = f"HTTP/1.1 {status} \r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        return f"{head}connection: close\r\n\r\n".encode() + body

    def _completion(self) -> dict[str, Any]:
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": self.text}}
        return {
            "id": "chat-1",
            "object": "chat.completion",
            "created": 1,
            "model": self.model,
            "choices": [] if self.mood == "choiceless" else [choice],
            "usage": {"prompt_tokens": 310, "completion_tokens": 42, "total_tokens": 352},
        }
