"""A decision as comparisons read it, of whatever kind the subject is."""

import hashlib
import math
from array import array
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

from oo.events.decision import GenerateDecided, ScoreDecided, ServingRole
from oo.events.envelope import Envelope


class Decision(NamedTuple):
    """What a comparison reads of a decision record."""

    tenant: str
    decision: str
    shadow: int
    at: float
    event: str
    role: str
    version: str | None
    """Of the subject; None when none was asked."""
    digest: str | None
    best: str
    """The arm of the highest score."""
    arms: bytes
    """Equal for equal sets of arms."""
    packed: bytes | None
    """The arms' scores, in the order of their names; None when there are none."""
    latency: float | None
    """In seconds."""
    degraded: int
    cached: int
    """1 for an answer out of the cache, which says nothing of its version's errors and latency."""
    target: float | None
    """The probability with which a replayed policy would have made the logged choice."""

    @classmethod
    def of(  # noqa: PLR0913  # each is a fact of the decision, given by name
        cls,
        envelope: Envelope,
        decided: ScoreDecided | GenerateDecided,
        *,
        version: str | None,
        digest: str | None = None,
        best: str = "",
        scores: Mapping[str, float | None] | None = None,
        degraded: bool,
        cached: bool = False,
    ) -> Self:
        """What is read of a record."""
        return cls(
            tenant=envelope.tenant_id,
            decision=decided.decision_id,
            shadow=int(decided.serving_role is ServingRole.SHADOW),
            at=envelope.occurred_at.timestamp(),
            event=envelope.event_id,
            role=decided.serving_role.value,
            version=version,
            digest=digest,
            best=best,
            arms=hashlib.blake2b("\0".join(sorted(scores or ())).encode(), digest_size=8).digest(),
            packed=None if scores is None else pack(scores),
            latency=decided.latency.total_seconds() if decided.latency is not None else None,
            degraded=int(degraded),
            cached=int(cached),
            target=None,
        )

    @property
    def scores(self) -> Sequence[float]:
        """The arms' scores in the order of their names; none when there are none."""
        scores = array("d")
        scores.frombytes(self.packed or b"")
        return scores

    @property
    def sound(self) -> bool:
        """Whether every score is an estimate of a reward, or a probability: a number from 0 to 1."""
        return all(0 <= score <= 1 for score in self.scores)


def pack(scores: Mapping[str, float | None]) -> bytes:
    """The arms' scores in the order of their names, NaN for one that is missing."""
    ordered = (scores[arm] for arm in sorted(scores))
    return array("d", (math.nan if score is None else score for score in ordered)).tobytes()
