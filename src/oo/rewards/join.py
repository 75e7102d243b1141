"""The reward join: decisions, exposures and reactions become one row a decision."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, Engine, Row, bindparam, func, literal, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from oo.events.decision import GenerateDecided, ScoreDecided, ServingRole
from oo.events.envelope import Envelope
from oo.events.feedback import ReactionKind, TipExposed, TipReacted
from oo.rewards.database import writing
from oo.rewards.outcome import Feedback, Outcome, outcome
from oo.rewards.policy_states import PolicyKey
from oo.rewards.tables import tip_feedback, tip_scores

Columns = dict[str, Any]

_scores, _feedback = tip_scores.c, tip_feedback.c
_KEYS = ("tenant_id", "decision_id")
_FED_BACK = ("exposed_at", "closes_at", "reacted_at", "reaction", "late")


def apply(engine: Engine, envelopes: Sequence[Envelope], window_of: Callable[[str], timedelta]) -> frozenset[PolicyKey]:
    """Join a batch of decisions, exposures and reactions, in one transaction.

    Any order and any repetition of the same events give the same tables. Feedback that comes before its decision is
    kept and joins when the decision comes; feedback for another tip than the decision's never joins. Of several
    records with one decision id the one that was decided first stands, and of those of one moment always the same one.
    Shadow decisions and signals are passed over.

    Args:
        engine: the database, see `oo.rewards.database.connect`.
        envelopes: up to some thousands.
        window_of: how long after its exposure a reaction counts, by tenant; asked for decisions only, and what it
            raises comes through with nothing written.

    Returns:
        The policies whose exposures the batch spoke of, also when it repeated what was known: the process may have
        died before it passed an earlier change on.
    """
    decided = [
        _decided(envelope, decision, window_of(envelope.tenant_id))
        for envelope in envelopes
        if isinstance(decision := envelope.event, ScoreDecided | GenerateDecided)
        and decision.serving_role is not ServingRole.SHADOW
    ]
    fed_back = [
        _fed_back(envelope, feedback)
        for envelope in envelopes
        if isinstance(feedback := envelope.event, TipExposed | TipReacted)
    ]
    with writing(engine) as connection:
        _keep(connection, decided, fed_back)
        joined = list(_join(connection, {(row["tenant_id"], row["decision_id"]) for row in decided + fed_back}))
        changes = [change for row, found in joined if (change := _change(row, found))]
        if changes:
            same_row = (_scores[name] == bindparam(f"of_{name}") for name in _KEYS)
            connection.execute(update(tip_scores).where(*same_row), changes)
    return frozenset(
        PolicyKey(row.tenant_id, row.policy, row.policy_version)
        for row, found in joined
        if row.policy is not None and row.degraded is None and found.exposed_at is not None
    )


def _keep(connection: Connection, decided: Sequence[Columns], fed_back: Sequence[Columns]) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    if fed_back:
        connection.execute(insert(tip_feedback).on_conflict_do_nothing(), fed_back)
    if decided:
        upsert = insert(tip_scores)
        connection.execute(
            upsert.on_conflict_do_update(
                index_elements=_KEYS,
                set_={name: upsert.excluded[name] for name in decided[0] if name not in _KEYS},
                where=_rank(upsert.excluded) < _rank(_scores),
            ),
            decided,
        )


def _rank(columns: ReadOnlyColumnCollection[str, ColumnElement[Any]]) -> ColumnElement[Any]:
    """By what the first of several records is told: its time, then all that it says, so that two never are equals."""
    said = [
        func.coalesce(columns[column.name], literal(-1.0) if isinstance(column.type, Double) else literal(""))
        for column in tip_scores.columns
        if column.name not in {*_KEYS, *_FED_BACK, "decided_at"}
    ]
    return tuple_(columns["decided_at"], *said)


def _join(connection: Connection, keys: set[tuple[str, str]]) -> Iterator[tuple[Row[Any], Outcome]]:
    """Each kept decision among the keys with what became of it."""
    ids_of = defaultdict(set)
    for tenant_id, decision_id in keys:
        ids_of[tenant_id].add(decision_id)
    for tenant_id, ids in ids_of.items():
        feedback_of = defaultdict(list)
        for row in connection.execute(
            select(tip_feedback).where(_feedback.tenant_id == tenant_id, _feedback.decision_id.in_(ids))
        ):
            reaction = None if row.reaction is None else ReactionKind(row.reaction)
            feedback_of[row.decision_id].append(Feedback(row.tip_id, reaction, row.occurred_at))
        for row in connection.execute(
            select(tip_scores).where(_scores.tenant_id == tenant_id, _scores.decision_id.in_(ids))
        ):
            window = timedelta(seconds=row.window_seconds)
            yield row, outcome(row.tip_id, window, feedback_of[row.decision_id])


def _change(row: Row[Any], found: Outcome) -> Columns | None:
    """The parameters of the update that brings a row up to date; None when it is."""
    columns: Mapping[str, Any] = asdict(found)
    if all(columns[name] == getattr(row, name) for name in _FED_BACK):
        return None
    return {**columns, "of_tenant_id": row.tenant_id, "of_decision_id": row.decision_id}


def _decided(envelope: Envelope, decision: ScoreDecided | GenerateDecided, window: timedelta) -> Columns:
    columns: Columns = dict.fromkeys(column.name for column in tip_scores.columns if column.name not in _FED_BACK)
    columns |= {
        "tenant_id": envelope.tenant_id,
        "decision_id": decision.decision_id,
        "user_id": envelope.user_id,
        "tip_id": decision.tip_id,
        "degraded": ",".join(decision.degraded) or None,
        "serving_role": decision.serving_role.value,
        "decided_at": envelope.occurred_at,
        "window_seconds": window.total_seconds(),
        "late": False,
    }
    if decision.model is not None:
        columns |= {"model": decision.model.name, "model_version": decision.model.version or None}
    if decision.experiment is not None:
        columns |= {"experiment": decision.experiment.name, "variant": decision.experiment.variant}
    if isinstance(decision, GenerateDecided):
        return columns | {"kind": "generate", "prompt_version": decision.prompt_version}
    return columns | {
        "kind": "score",
        "prompt_version": next((c.prompt_version for c in decision.candidates if c.tip_id == decision.tip_id), None),
        "propensity": decision.propensity,
        "policy": decision.policy.name,
        "policy_version": decision.policy.version,
        "feature_service": decision.feature_service,
    }


def _fed_back(envelope: Envelope, feedback: TipExposed | TipReacted) -> Columns:
    return {
        "tenant_id": envelope.tenant_id,
        "event_id": envelope.event_id,
        "decision_id": feedback.decision_id,
        "user_id": envelope.user_id,
        "tip_id": feedback.tip_id,
        "reaction": feedback.kind.value if isinstance(feedback, TipReacted) else None,
        "occurred_at": envelope.occurred_at,
    }
