"""The tables of the reward join: what was decided, and what is known of it since."""

from datetime import UTC, datetime

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    TypeDecorator,
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, kept in UTC on every database; SQLite itself knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        """The time in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        """The time, aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()

# The reward itself is no column: an open exposure becomes a 0 by the passing of time alone, see oo.rewards.reward.
tip_scores = Table(
    "tip_scores",
    metadata,
    Column("tenant_id", Text, nullable=False),
    Column("decision_id", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="score or generate"),
    Column("user_id", Text, nullable=False, comment="personal data"),
    Column("tip_id", Text, nullable=False, comment="the tip that was chosen or written"),
    Column("propensity", Double, comment="probability of the choice; null for generate"),
    Column("policy", Text, comment="null for generate"),
    Column("policy_version", Text),
    Column("model", Text, comment="null when no model was asked"),
    Column("model_version", Text, comment="null for a language model"),
    Column("prompt_version", Text, comment="of the prompt that wrote the tip; null when none did"),
    Column("feature_service", Text, comment="null for generate"),
    Column("experiment", Text),
    Column("variant", Text),
    Column("degraded", Text, comment="what was missing from the full path, by commas; null for a full answer"),
    Column("serving_role", Text, nullable=False, comment="as in oo.events.v1; never a shadow"),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("window_seconds", Double, nullable=False, comment="how long after its exposure a reaction counts"),
    Column("exposed_at", UtcDateTime, comment="first exposure; null when the tip was never shown"),
    Column("closes_at", UtcDateTime, comment="exposed_at + window_seconds"),
    Column("reacted_at", UtcDateTime),
    Column("reaction", Text, comment="the reaction that decides, as in oo.events.v1"),
    Column("late", Boolean, nullable=False, comment="the reaction came after closes_at and does not count"),
    # The id first, so that a decision is also found without its tenant.
    PrimaryKeyConstraint("decision_id", "tenant_id"),
    Index("tip_scores_by_policy", "tenant_id", "policy", "policy_version", "tip_id"),
)

# Each exposure and reaction as it came, also those whose decision has not come yet.
tip_feedback = Table(
    "tip_feedback",
    metadata,
    Column("tenant_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("decision_id", Text, nullable=False),
    Column("user_id", Text, nullable=False, comment="personal data"),
    Column("tip_id", Text, nullable=False),
    Column("reaction", Text, comment="as in oo.events.v1; null for an exposure"),
    Column("occurred_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("tenant_id", "event_id"),
    Index("tip_feedback_by_decision", "tenant_id", "decision_id"),
)
