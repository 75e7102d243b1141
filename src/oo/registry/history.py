"""What each model, policy and prompt was to traffic, when, and on whose word: a log that only grows.

The log is the truth; aliases in the registry and weights in front of the services follow from it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from oo.events.json_types import Identifier

Kind = Literal["model", "policy", "prompt"]
Stage = Literal["challenger", "shadow", "canary", "champion", "rolled_back"]
"""What a version is from a transition on. `rolled_back` is a candidate that gets no traffic any more."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Subject(BaseModel):
    """What has versions, of which one serves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    name: Identifier
    """A model's registered name; a tenant for its policy or its prompt."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Transition(BaseModel):
    """A version becomes something else to traffic. It is written before it takes effect, and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: Subject
    version: Identifier
    """The version that this is about."""
    stage: Stage
    percent: Annotated[int, Field(ge=0, le=100)] = 0
    """Of the traffic; above 0 in canary alone."""
    champion: Identifier | None = None
    """The version that serves from now on beside it or instead of it; None when there is none yet."""
    at: AwareDatetime
    who: Annotated[str, Field(min_length=1)]
    """A person, or the pipeline's run."""
    why: Annotated[str, Field(min_length=1)]
    """In a sentence."""
    evidence: Sha256 | None = None
    """Of the evidence bundle that this rests on; None where none is asked for, such as for a way back."""
    digest: Sha256 | None = None
    """Of the artefact: the ONNX file, the policy's parameters or the prompt."""
    feature_digest: str | None = None
    """Of the columns that a model reads."""
    image: str | None = None
    """Digest of the container image that serves it; None where processes run without one."""


class Recorded(BaseModel):
    """A transition in its place."""

    model_config = ConfigDict(frozen=True)

    sequence: Annotated[int, Field(ge=1)]
    """Grows with each transition of any subject; that of a subject's last one is what the next is appended after."""
    transition: Transition


class History(Protocol):
    """The log. Every method raises `HistoryUnreachable` when nobody knows what it holds."""

    async def append(self, transition: Transition, *, after: int) -> Recorded:
        """Write a transition, unless another one of its subject came first.

        Whoever got no answer does not know whether it was written, and may try again: with the same `after` nothing is
        written twice. `HistoryMoved` then says that the first try did it, or that somebody else came in between.

        Args:
            transition: what happens.
            after: the sequence of the subject's last transition that the caller has seen; 0 when it has none.

        Raises:
            HistoryMoved: somebody else wrote one since; read again, and decide again.
        """
        ...

    async def of(self, subject: Subject, *, until: datetime | None = None) -> Sequence[Recorded]:
        """All transitions of a subject, oldest first; those at or before `until` when it is given."""
        ...

    async def subjects(self) -> Sequence[Subject]:
        """Those that have any, in the order of their kinds and names."""
        ...
