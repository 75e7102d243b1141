"""Point in time: what the online store said of a person, rebuilt from the archive by the same folds."""

from collections.abc import Iterable
from datetime import datetime

from oo.events.envelope import Envelope
from oo.features.user_state import UserState


def values_at(
    items: Iterable[tuple[int, Envelope]], through: int, at: datetime, names: Iterable[str]
) -> dict[str, float | None]:
    """The named features of a person as they were served at `at`, when the stream was folded through a sequence.

    Args:
        items: archived events of this one person with their sequences in the SIGNALS stream, in any order.
        through: the decision's `signal_sequence`; nothing after it is used.
        at: the decision's moment.
        names: the features asked for.

    Raises:
        InvalidFeature: no family makes a feature of that name.
    """
    state = UserState()
    for sequence, envelope in items:
        if sequence <= through:
            state = state.fold(envelope, sequence)
    return state.values(names, at)
