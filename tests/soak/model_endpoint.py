"""A language model's endpoint in a process of its own, which a test may freeze, kill and bring back on its port.

It is `python -m tests.soak.model_endpoint PORT`: each line of its input is a mood, or `count`, and each line of its
output is how many tokens of prompts and answers it has taken part in so far. A token is four characters.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

from tests.integration.chat_server import ChatServer, Mood, Reply
from tests.integration.health import free_port

TOKEN = 4
TIP = {
    "title": "Early night",
    "body": "Put the phone away at ten and read a page.",
    "language": "en",
    "topic": "rest",
    "safety": "safe",
}


@dataclass
class ModelEndpoint:
    """The process, as a test holds it."""

    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[str] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, "-m", "tests.soak.model_endpoint", str(self.port)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def be(self, mood: Mood) -> None:
        """Return once it is in this mood."""
        self._told_to(mood)

    def tokens(self) -> tuple[int, int]:
        """Of all prompts and answers of this life, as a provider bills them."""
        told = self._told_to("count")
        return told[0], told[1]

    def freeze(self) -> None:
        """Let it hold its connections and say nothing; the kernel still takes new ones."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _told_to(self, line: str) -> list[int]:
        assert self._process is not None
        assert self._process.stdin is not None
        print(line, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> list[int]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the endpoint ended"
        told: list[int] = json.loads(line)
        return told


class _Counting(ChatServer):
    """Counts the tokens that a provider would bill."""

    prompt_tokens = 0
    completion_tokens = 0

    def count(self, request: dict[str, Any]) -> Reply:
        self.prompt_tokens += ceil(sum(len(message["content"]) for message in request["messages"]) / TOKEN)
        self.completion_tokens += ceil(len(self.text) / TOKEN)
        return Reply(self.text, self.mood)


async def _main(port: int) -> None:
    async with _Counting(json.dumps(TIP), port=port) as chat:
        chat.reply_to = chat.count
        line = "count\n"
        while line:
            if line != "count\n":
                chat.mood = line.strip()  # type: ignore[assignment]  # as `be` has sent it
            chat.asked.clear()
            chat.headers.clear()
            print(json.dumps([chat.prompt_tokens, chat.completion_tokens]), flush=True)
            line = await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
