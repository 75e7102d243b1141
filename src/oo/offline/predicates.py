"""Which rows of the table are meant, in the SQL of its engine."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.compute as pc  # type: ignore[import-untyped]  # the same


def among(column: str, values: Sequence[str]) -> str:
    """The SQL predicate that the column holds one of these values."""
    literals = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"{column} IN ({literals})" if values else "FALSE"


@dataclass(frozen=True, slots=True)
class PersonsRows:
    """The rows of one person until a moment."""

    tenant_id: str
    user_id: str
    until: datetime
    """Of `occurred_at`, included."""

    @property
    def where(self) -> str:
        """The SQL predicate for them. The table's log keeps it, so it has the user id's digest."""
        digest = hashlib.sha256(self.user_id.encode()).hexdigest()
        person = f"{among('tenant_id', [self.tenant_id])} AND encode(sha256(user_id), 'hex') = '{digest}'"
        return f"{person} AND occurred_at <= '{self.until.astimezone(UTC).isoformat()}'"

    def among(self, rows: pa.Table) -> int:
        """How many rows of a file are theirs."""
        # The engine writes string views, which compare with no string.
        tenants, users = (rows[name].cast(pa.string()) for name in ("tenant_id", "user_id"))
        person = pc.and_(pc.equal(tenants, self.tenant_id), pc.equal(users, self.user_id))
        until = pa.scalar(self.until, rows.schema.field("occurred_at").type)
        return pc.sum(pc.and_(person, pc.less_equal(rows["occurred_at"], until))).as_py() or 0
