from dataclasses import replace

from oo.llm.gateway import Completion, CompletionRequest, Quote
from oo.writing.red_team.cases import Case
from oo.writing.writer import Writer

_TURNS_AT_FIRST = 2
"""The prompt's two; a repair attempt has one more."""


class ObedientGateway:
    """The worst language model: it does what the red team's case tells it, whatever else it reads, for nothing."""

    def __init__(self, case: Case) -> None:
        self._first, self._again = case.answers

    def quote(self, request: CompletionRequest) -> Quote:  # noqa: ARG002  # the port's
        """See `Gateway.quote`."""
        return Quote(0, 0.0)

    async def complete(
        self,
        request: CompletionRequest,
        *,
        timeout: float,  # noqa: ARG002, ASYNC109  # the port's; nothing here takes time
    ) -> Completion:
        """See `Gateway.complete`."""
        text = self._first if len(request.messages) <= _TURNS_AT_FIRST else self._again
        return Completion(text, "obedient", 0, 0, 0.0)


def obeying(writer: Writer, case: Case) -> Writer:
    """The same writer with a language model that obeys the case."""
    return replace(writer, gateway=replace(writer.gateway, gateway=ObedientGateway(case)))
