"""Which version of a policy or prompt decides: written by rollouts, watched by services, so read without waiting."""

import logging
from dataclasses import dataclass

from nats.js.kv import KeyValue
from pydantic import TypeAdapter, ValidationError

from oo.bus.keys import key_part
from oo.errors import faults
from oo.experiments.chance import chance
from oo.registry.history import Kind, Subject

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Split:
    """The split of a subject's traffic."""

    subject: Subject
    stable: str
    """The version that serves."""
    candidate: str | None = None
    """The version beside it; None when all traffic is stable's."""
    mirror: bool = False
    """Whether the candidate gets a copy of each request, and its answers are thrown away."""
    percent: int = 0
    """The candidate's share of the requests."""

    def version_for(self, decision_id: str) -> str:
        """The version that makes this decision; a retry gets the same."""
        if self.candidate and self.percent and is_canarys(self.subject.kind, decision_id, self.percent):
            return self.candidate
        return self.stable


def is_canarys(kind: Kind, decision_id: str, percent: int) -> bool:
    """Whether the decision is one of the canary's: the id alone decides, so whoever reads the record knows it too."""
    return chance("rollout", kind, decision_id) < percent / 100


_SPLIT = TypeAdapter(Split)


def split_key(subject: Subject) -> str:
    """The bucket's key for a subject's split, which lies there as JSON."""
    return f"{subject.kind}.{key_part(subject.name)}"


class Splits:
    """The latest split of every policy and prompt that was rolled out. Without the bus what was last known stays."""

    def __init__(self) -> None:
        self._splits: dict[tuple[Kind, str], Split] = {}
        self.complete = False
        """Whether all that the bucket held at first was taken over."""

    def of(self, kind: Kind, tenant: str) -> Split | None:
        """The split of a tenant's policy or prompt; None when it was never rolled out."""
        return self._splits.get((kind, tenant))

    def put(self, key: str, data: bytes) -> None:
        """Take over what the bucket holds under `key`; what cannot be read changes nothing."""
        try:
            split = _SPLIT.validate_json(data)
        except ValidationError as error:
            _log.error("split refused", extra={"key": key, "error": faults(error, "split")})
            return
        self._splits[split.subject.kind, split.subject.name] = split

    async def follow(self, bucket: KeyValue) -> None:
        """Take over every change of the bucket, for ever; begins with all that it holds."""
        watcher = await bucket.watchall()
        async for entry in watcher:
            if entry is None:
                self.complete = True
            elif entry.value:
                self.put(entry.key, entry.value)
