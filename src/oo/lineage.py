"""The path of one decision, link by link, each read from where it is kept."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from sqlalchemy import Engine

from oo.catalog import Catalog
from oo.decisions.replay import Replayed, replay
from oo.errors import UnknownDecision, UnknownModel
from oo.events.codec import decode
from oo.events.decision import GenerateDecided, ScoreDecided
from oo.events.envelope import Envelope
from oo.models.onnx_model import OnnxModel
from oo.offline.archived import Archived
from oo.offline.store import OfflineStore
from oo.registry.registry import ModelVersion, Registry
from oo.rewards import queries
from oo.training.lineage import models_trained_on


@dataclass(frozen=True, slots=True)
class Lineage:
    """One decision and all that came of it."""

    envelope: Envelope
    decided: ScoreDecided | GenerateDecided
    archived: Archived
    """Its row in the offline store."""
    logged: bool
    """Whether the decision log still holds the same bytes."""
    feedback: tuple[Envelope, ...]
    """Its exposures and reactions, from the offline store."""
    scores: dict[str, Any] | None
    """Its row of `tip_scores`, with the reward by now; None before it is joined."""
    replayed: Replayed | None
    """The choice made again from the record; None for a written tip."""
    trained: tuple[ModelVersion, ...]
    """The model versions that learned from it."""


@dataclass(frozen=True, slots=True)
class Tracer:
    """Follows decisions through all stores."""

    jetstream: JetStreamContext
    offline: OfflineStore
    scores: Engine
    registry: Registry
    catalog: Catalog
    now: Callable[[], datetime]

    async def trace(self, decision_id: str, tenant_id: str | None = None) -> Lineage:
        """The path of a decision that people met; a shadow's record of it is passed over.

        Raises:
            UnknownDecision: the offline store does not hold it, its person was erased, or several tenants have it and
                none was named.
        """
        rows = await asyncio.to_thread(self.offline.decision, decision_id)
        archived = _the_record(decision_id, [row for row in rows if tenant_id in (None, row.tenant_id)])
        envelope = decode(archived.payload.encode())
        decided = envelope.event
        assert isinstance(decided, ScoreDecided | GenerateDecided)  # noqa: S101  # _the_record chose by subject
        scored = decided if isinstance(decided, ScoreDecided) else None
        # By event: one that came back from the dead letters is there under each of its sequences.
        feedback = {
            row.event_id: row
            for row in rows
            if row.stream == "FEEDBACK" and row.tenant_id == archived.tenant_id and row.payload
        }
        return Lineage(
            envelope=envelope,
            decided=decided,
            archived=archived,
            logged=await self._is_logged(archived),
            feedback=tuple(decode(row.payload.encode()) for row in feedback.values()),
            scores=await asyncio.to_thread(self._scores, decision_id, archived.tenant_id),
            replayed=await asyncio.to_thread(self._replay, archived.tenant_id, scored) if scored else None,
            trained=await asyncio.to_thread(self._trained, scored) if scored else (),
        )

    async def _is_logged(self, archived: Archived) -> bool:
        try:
            message = await self.jetstream.get_msg(archived.stream, archived.sequence)
        except NotFoundError:  # it has passed the stream's limits
            return False
        return message.data == archived.payload.encode()

    def _scores(self, decision_id: str, tenant_id: str) -> dict[str, Any] | None:
        rows = queries.rows(self.scores, decision_id, self.now(), tenant_id)
        return dict(rows[0]) if rows else None

    def _replay(self, tenant_id: str, decided: ScoreDecided) -> Replayed:
        model = OnnxModel(self.registry.load(self._version(decided))) if decided.model else None
        return replay(tenant_id, decided, self.catalog, model)

    def _version(self, decided: ScoreDecided) -> ModelVersion:
        used = decided.model
        assert used is not None  # noqa: S101  # asked for decisions with a model only
        for version in self.registry.versions(used.name):
            if str(version.version) == used.version and version.digest == used.digest:
                return version
        raise UnknownModel(f"the registry no longer holds {used.name} {used.version} with digest {used.digest[:12]}")

    def _trained(self, decided: ScoreDecided) -> tuple[ModelVersion, ...]:
        name = self.catalog.service(decided.feature_service).model
        return tuple(models_trained_on(self.registry, name, decided.decision_id))


def _the_record(decision_id: str, rows: list[Archived]) -> Archived:
    records = [row for row in rows if row.stream == "DECISIONS" and not row.subject.startswith("decisions.shadow.")]
    if not records:
        raise UnknownDecision(f"the offline store holds no decision {decision_id}; a new one arrives within seconds")
    if len(tenants := {record.tenant_id for record in records}) > 1:
        raise UnknownDecision(f"decision {decision_id} is one of {', '.join(sorted(tenants))} each; name the tenant")
    if not records[0].payload:
        raise UnknownDecision(f"decision {decision_id} was erased, as all of its person (`oo forget`)")
    return records[0]
