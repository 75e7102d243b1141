"""What tokens cost."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_MILLION = 1_000_000
_Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Price(BaseModel):
    """What a model takes, in US dollars per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: _Dollars
    completion: _Dollars

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The price of a call, in US dollars."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / _MILLION
