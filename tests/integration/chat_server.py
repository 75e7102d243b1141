"""A small server that speaks the OpenAI chat protocol, streaming or not, and can be as unhelpful as a test wants."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from math import ceil
from typing import Any, Literal, Self

import pytest

litellm_warnings = pytest.mark.filterwarnings(
    "ignore:.*`ReadOnly` qualifier:UserWarning",  # its own types, read by Pydantic at its first call
    "ignore:Accessing the 'model_:DeprecationWarning",  # its look at the last part of a stream
)
"""What LiteLLM is warned of, which is not ours to mend."""
Mood = Literal[
    "helpful",  # the text, of which no more than `max_tokens`
    "slow",  # the same, `pause` seconds between any two tokens
    "silent",  # the request is taken and never answered
    "failing",  # 500
    "refusing",  # 400
    "rate_limited",  # 429, to come back in an hour
    "garbled",  # 200, and a page of HTML
    "truncated",  # the first half of the text, as a model stops that has no tokens left
    "cut_off",  # the connection ends in the middle of the answer
    "choiceless",  # an answer without a choice
    "hanging_up",  # the connection ends before the answer
    "endless",  # tokens for ever, whatever `max_tokens` says; as many as there is memory for when not streaming
    "musing",  # the same with thoughts
    "oversized",  # the text over and over in one piece, `OVERSIZE` characters of it, whatever `max_tokens` says
    "odd",  # the text itself as the body, or as the only event
]
OVERSIZE = 4_000_000
_TOKEN = 4
_STATUS = {"failing": 500, "refusing": 400, "rate_limited": 429}


@dataclass(frozen=True, slots=True)
class Reply:
    """How one request is met."""

    text: str
    mood: Mood = "helpful"


@dataclass
class ChatServer:
    """Answers every chat completion with `text`, in its `mood`, and keeps what it was asked.

    A token is four characters, in the prompt as in the answer. What goes wrong repeats the whole request and its
    headers in the error, after the text, as some proxies do: nobody may pass that on.
    """

    text: str
    mood: Mood = "helpful"
    model: str = "tiny-model-2026"
    """What it says that it is."""
    reply_to: Callable[[dict[str, Any]], Reply] | None = None
    """How each request is met, instead of `text` and `mood`."""
    tells_usage: bool = True
    """Whether the tokens are told: of a stream, only to who asks."""
    pause: float = 0.02
    """Seconds between two tokens of the slow."""
    port: int = 0
    """Where it listens; 0 takes a free one."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    hung_up_on: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a caller went away without waiting for the end of its answer."""
    sent: int = 0
    """Bytes of the answers so far."""
    connections: int = 0
    """Connections so far."""
    _server: asyncio.Server | None = field(default=None, init=False)
    _callers: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=1024)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for caller in self._callers:
            caller.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def api_base(self) -> str:
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}/v1"

    @property
    def callers(self) -> int:
        """Connections at present."""
        return len(self._callers)

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        caller = asyncio.create_task(self._converse(reader, writer))
        self._callers.add(caller)
        caller.add_done_callback(self._callers.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer(reader, writer):
                pass
        except asyncio.IncompleteReadError:
            pass  # the caller left between two requests
        except ConnectionError:
            self.hung_up_on.set()
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection may be used for another request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:"))
        request = json.loads(await reader.readexactly(length))
        self.asked.append(request)
        self.headers.append(head)
        reply = self.reply_to(request) if self.reply_to else Reply(self.text, self.mood)
        answer = _Answer(request, head, reply, self.model, tells_usage=self.tells_usage)
        match reply.mood:
            case "silent":
                await reader.read()
                self.hung_up_on.set()
                return False
            case "hanging_up":
                return False
            case "slow" | "endless" | "musing":
                for part in answer.parts():
                    if reader.at_eof():
                        self.hung_up_on.set()
                        return False
                    await self._send(writer, part)
                    await asyncio.sleep(self.pause if reply.mood == "slow" else 0)
            case "cut_off":
                whole = b"".join(answer.parts())
                await self._send(writer, whole[: len(whole) // 2])
                return False
            case _:
                await self._send(writer, b"".join(answer.parts()))
        return True

    async def _send(self, writer: asyncio.StreamWriter, part: bytes) -> None:
        writer.write(part)
        self.sent += len(part)
        await writer.drain()


@dataclass(frozen=True, slots=True)
class _Answer:
    request: dict[str, Any]
    head: str
    reply: Reply
    model: str
    tells_usage: bool

    def parts(self) -> Iterator[bytes]:
        """The bytes of the answer, one piece for each time that something is sent."""
        mood = self.reply.mood
        if mood in _STATUS:
            yield _whole(
                _STATUS[mood], json.dumps({"error": {"message": f"{self.reply.text} {self.head} {self.request}"}})
            )
        elif mood == "garbled":
            yield _whole(200, f"<html>a proxy's page for {self.request}</html>", "text/html")
        elif self.request.get("stream"):
            yield _head(200, "text/event-stream", "transfer-encoding: chunked")
            for event in self._events():
                data = f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()
                yield b"%x\r\n%s\r\n" % (len(data), data)
            yield b"0\r\n\r\n"
        else:
            yield _whole(200, self.reply.text if mood == "odd" else json.dumps(self._completion()))

    def _tokens(self) -> Iterator[str]:
        text, mood, allowed = self.reply.text, self.reply.mood, self.request.get("max_tokens")
        if mood in {"endless", "musing"}:
            yield from (text[place % len(text) :][:_TOKEN] for place in count(0, _TOKEN))
        elif mood == "oversized":
            yield text * ceil(OVERSIZE / len(text))
        elif mood != "choiceless":
            end = len(text) // 2 if mood == "truncated" else len(text)
            yield from islice((text[place : min(place + _TOKEN, end)] for place in range(0, end, _TOKEN)), allowed)

    def _events(self) -> Iterator[dict[str, Any] | str]:
        if self.reply.mood == "odd":
            yield self.reply.text
            return
        told = 0
        said = "reasoning_content" if self.reply.mood == "musing" else "content"
        for token in self._tokens():
            told += ceil(len(token) / _TOKEN)
            yield self._chunk({said: token}, None)
        if self.reply.mood != "choiceless":
            yield self._chunk({}, self._finish(told))
        if self.tells_usage and (self.request.get("stream_options") or {}).get("include_usage"):
            yield {**self._about("chat.completion.chunk"), "choices": [], "usage": self._usage(told)}
        yield "[DONE]"

    def _chunk(self, delta: dict[str, str], finish: str | None) -> dict[str, Any]:
        return {
            **self._about("chat.completion.chunk"),
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }

    def _completion(self) -> dict[str, Any]:
        most = ceil(OVERSIZE / _TOKEN) if self.reply.mood in {"endless", "musing"} else None
        text = "".join(islice(self._tokens(), most))
        told = ceil(len(text) / _TOKEN)
        thoughts = self.reply.mood == "musing"
        message = {
            "role": "assistant",
            "content": "" if thoughts else text,
            "reasoning_content": text if thoughts else "",
        }
        choice = {"index": 0, "finish_reason": self._finish(told), "message": message}
        return {
            **self._about("chat.completion"),
            "choices": [] if self.reply.mood == "choiceless" else [choice],
            **({"usage": self._usage(told)} if self.tells_usage else {}),
        }

    def _finish(self, told: int) -> str:
        whole = told >= ceil(len(self.reply.text) / _TOKEN)
        return "stop" if whole else "length"

    def _usage(self, completion: int) -> dict[str, int]:
        prompt = ceil(sum(len(message["content"]) for message in self.request["messages"]) / _TOKEN)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    def _about(self, kind: str) -> dict[str, Any]:
        return {"id": "chat-1", "object": kind, "created": 1, "model": self.model}


def _whole(status: int, body: str, kind: str = "application/json") -> bytes:
    content = body.encode()
    return _head(status, kind, f"content-length: {len(content)}") + content


def _head(status: int, kind: str, length: str) -> bytes:
    again = "retry-after: 3600\r\n" if status == _STATUS["rate_limited"] else ""
    return f"HTTP/1.1 {status} \r\ncontent-type: {kind}\r\n{again}{length}\r\n\r\n".encode()
