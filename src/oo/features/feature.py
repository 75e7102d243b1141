"""What a family of signal features is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from oo.events.envelope import Envelope
from oo.features.facts import Facts


class Family(Protocol):
    """Features that are read from the same facts; one object owns how those are folded and what they say.

    Serving and training call the same two methods. A change of what is kept or of what it means takes a new `name` and
    new `feature_names`, since a model and the rows that it learned from know a feature by its name.
    """

    @property
    def name(self) -> str:
        """Where the facts live in a person's document."""
        ...

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features that `values` gives."""
        ...

    def fold(self, facts: Facts, envelope: Envelope) -> Facts:
        """The facts after this event; `facts` itself, unchanged, for an event that says nothing new to this family.

        Pure and total: the same whatever order events arrive in and however often, of bounded size, no error for any
        event of the contract. `remember` gives all of that.
        """
        ...

    def values(self, facts: Facts, at: datetime) -> Mapping[str, float | None]:
        """Each feature at the moment `at`, None where unknown. There is at least one fact, maybe only after `at`."""
        ...
