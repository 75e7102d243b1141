"""A feature service: the named, ordered columns that a model reads, declared as data and encoded by one function."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from oo.errors import InvalidFeature
from oo.features.families import FAMILY_OF
from oo.features.profile_schema import FEATURE_OF

Source = Literal["profile", "signal", "context", "candidate"]
Values = Mapping[str, JsonValue]
Cells = npt.NDArray[np.float32]
NO_VALUES: Values = {}
_LARGEST = float(np.finfo(np.float32).max)


class _Column(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    source: Source

    def _invalid(self, fault: str) -> InvalidFeature:
        return InvalidFeature(f"{self.source} feature {self.name!r} must be {fault}")


class NumberColumn(_Column):
    """A number or a boolean; absent is NaN."""

    type: Literal["number"] = "number"

    @property
    def width(self) -> int:
        """The number of encoded cells."""
        return 1

    def encode(self, values: Sequence[JsonValue], cells: Cells) -> None:
        """Write a value a row into `cells`, shape (len(values), 1).

        Raises:
            InvalidFeature: a value is neither a number that fits 32 bits nor a boolean nor absent.
        """
        cells[:, 0] = [self._number(value) for value in values]

    def _number(self, value: JsonValue) -> float:
        if value is None:
            return math.nan
        if not isinstance(value, (int, float)):
            raise self._invalid(f"a number, not {type(value).__name__}")
        if not -_LARGEST <= value <= _LARGEST:
            raise self._invalid("a finite number of 32 bits; send none when it is unknown")
        return float(value)


class CategoryColumn(_Column):
    """One of the declared values, one cell each; absent and unseen values are all zeros."""

    type: Literal["category"] = "category"
    values: tuple[str, ...] = Field(min_length=1)

    @field_validator("values")
    @classmethod
    def _are_distinct(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(values)) < len(values):
            raise ValueError("a category's values are declared once each")
        return values

    @property
    def width(self) -> int:
        """The number of encoded cells."""
        return len(self.values)

    @cached_property
    def _position(self) -> dict[str, int]:
        return {value: position for position, value in enumerate(self.values)}

    def encode(self, values: Sequence[JsonValue], cells: Cells) -> None:
        """Write a value a row into `cells`, shape (len(values), width), which holds zeros.

        Raises:
            InvalidFeature: a value is neither a string nor absent.
        """
        for row, value in enumerate(values):
            if value is None:
                continue
            if not isinstance(value, str):
                raise self._invalid(f"a string, not {type(value).__name__}")
            position = self._position.get(value)
            if position is not None:
                cells[row, position] = 1.0


Column = Annotated[NumberColumn | CategoryColumn, Field(discriminator="type")]


def _is_in_the_profile_schema(column: Column) -> None:
    feature = FEATURE_OF.get(column.name)
    if feature is None:
        raise ValueError(f"the profile schema has no {column.name}; there are {', '.join(FEATURE_OF)}")
    if column.type != feature.column_type:
        raise ValueError(f"profile feature {feature} is read by a column of type {feature.column_type}")


class FeatureService(BaseModel):
    """Columns in order, under a name with a version, and the registered model that reads them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_]+@[0-9]+$", max_length=256)
    model: str = Field(pattern=r"^[a-z0-9_]+$", max_length=256)
    columns: tuple[Column, ...] = Field(min_length=1)

    @field_validator("columns")
    @classmethod
    def _are_known(cls, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        named = [(column.source, column.name) for column in columns]
        if twice := {f"{source}.{name}" for source, name in named if named.count((source, name)) > 1}:
            raise ValueError(f"declared twice: {', '.join(sorted(twice))}")
        if unknown := {name for source, name in named if source == "signal" and name not in FAMILY_OF}:
            raise ValueError(f"no family makes {', '.join(sorted(unknown))}; there are {', '.join(FAMILY_OF)}")
        for column in columns:
            if column.source == "profile":
                _is_in_the_profile_schema(column)
        return columns

    @cached_property
    def width(self) -> int:
        """The number of cells in an encoded row."""
        return sum(column.width for column in self.columns)

    @cached_property
    def cell_names(self) -> tuple[str, ...]:
        """A name for each cell of an encoded row: `source.name`, or `source.name=value` for a category."""
        return tuple(
            f"{c.source}.{c.name}" if value is None else f"{c.source}.{c.name}={value}"
            for c in self.columns
            for value in ((None,) if isinstance(c, NumberColumn) else c.values)
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the declaration: a model and a row belong together when it is equal."""
        declared = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(declared.encode()).hexdigest()

    def signal_names(self) -> tuple[str, ...]:
        """The signal features that the columns read, in order."""
        return tuple(column.name for column in self.columns if column.source == "signal")

    def encode(
        self,
        tips: Sequence[tuple[str, Values]],
        *,
        profile: Values = NO_VALUES,
        signal: Values = NO_VALUES,
        context: Values = NO_VALUES,
    ) -> Cells:
        """The rows that the model reads, shape (len(tips), width): the same function in serving and in training.

        Args:
            tips: tip id and candidate features of each arm. The column `tip_id` of source candidate is the id itself.
            profile: the caller's features of the person.
            signal: the values from the online store.
            context: the caller's features of the moment.

        Raises:
            InvalidFeature: a value of the wrong type; names the feature.
        """
        rows = np.zeros((len(tips), self.width), dtype=np.float32)
        shared: dict[Source, Values] = {"profile": profile, "signal": signal, "context": context}
        start = 0
        for column in self.columns:
            cells = rows[:, start : start + column.width]
            start += column.width
            if column.source == "candidate":
                own = column.name == "tip_id"
                column.encode([tip_id if own else features.get(column.name) for tip_id, features in tips], cells)
            elif tips:
                column.encode([shared[column.source].get(column.name)], cells[:1])
                cells[1:] = cells[:1]
        return rows
