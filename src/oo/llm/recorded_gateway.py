"""Answers of a language model, kept: for tests and evaluations that cost nothing and always give the same result."""

import json
import os
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from oo.errors import GatewayFailed
from oo.llm.gateway import Completion, CompletionRequest, Gateway, Quote

_REQUEST = TypeAdapter(CompletionRequest)


class _Recording(BaseModel):
    """One file: a request, what it was said to take, and what came of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request: CompletionRequest
    quote: Quote
    completion: Completion


class RecordedGateway:
    """Replays the answer to a request that it has seen, and asks `live` what it has not.

    A folder holds one file a request, named by the SHA-256 of the request. It holds whole prompts: record none that
    says something of a real person. What fails is not recorded.
    """

    def __init__(self, folder: Path, live: Gateway | None = None) -> None:
        """Without `live` nothing is asked, and a request that is not in the folder fails."""
        self._folder = folder
        self._live = live

    def quote(self, request: CompletionRequest) -> Quote:
        """See `Gateway.quote`.

        Raises:
            GatewayFailed: the request is in no file, or its file is not to be trusted.
        """
        recording = self._find(request)
        return recording.quote if recording else self._asked(request).quote(request)

    async def complete(
        self,
        request: CompletionRequest,
        *,
        timeout: float,  # noqa: ASYNC109  # the live model's
    ) -> Completion:
        """See `Gateway.complete`. The request that has no file fails too, when nobody may be asked."""
        if recording := self._find(request):
            return recording.completion
        live = self._asked(request)
        completion = await live.complete(request, timeout=timeout)
        self._keep(_Recording(request=request, quote=live.quote(request), completion=completion))
        return completion

    def _asked(self, request: CompletionRequest) -> Gateway:
        if self._live is None:
            raise GatewayFailed(
                f"no answer is recorded in {self._path(request)}: run it once with a live model, and keep the file"
            )
        return self._live

    def _find(self, request: CompletionRequest) -> _Recording | None:
        path = self._path(request)
        try:
            recording = _Recording.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            raise GatewayFailed(f"{path} cannot be read: delete it and record it again") from None
        if _canonical(recording.request) != _canonical(request):
            raise GatewayFailed(f"{path} holds the answer to another request: delete it and record it again")
        return recording

    def _keep(self, recording: _Recording) -> None:
        path = self._path(recording.request)
        readable = json.dumps(recording.model_dump(), indent=2, sort_keys=True, ensure_ascii=False)
        self._folder.mkdir(parents=True, exist_ok=True)
        # Moved there when it is whole: who reads meanwhile finds all of it or nothing. What UTF-8 cannot hold, half of
        # a surrogate pair, is left as JSON's escape.
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.write_text(f"{readable}\n", encoding="utf-8", errors="backslashreplace")
        unfinished.replace(path)

    def _path(self, request: CompletionRequest) -> Path:
        return self._folder / f"{sha256(_canonical(request)).hexdigest()}.json"


def _canonical(request: CompletionRequest) -> bytes:
    """The same bytes for the same request, whatever the order of the keys in its schema."""
    return json.dumps(_REQUEST.dump_python(request), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
