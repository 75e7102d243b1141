"""What a policy has learned: exposures and rewards of each arm, and their one JSON form.

The form is `{tip_id: [exposures, reward_sum]}`. It lies in the key-value bucket as bytes and in a decision's record as
a struct, where it holds just the arms of that decision.
"""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from oo.errors import InvalidPolicyState, faults


class ArmStats(NamedTuple):
    """What became of one arm under one policy."""

    exposures: Annotated[int, Field(ge=0)]
    """The number of exposures whose reward is known."""
    reward_sum: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """The sum of their rewards, each 0 to 1."""


PolicyState = Mapping[str, ArmStats]
NEVER_SHOWN = ArmStats(0, 0.0)
_DOCUMENT = TypeAdapter(dict[str, ArmStats])


def parse(document: bytes | Mapping[str, JsonValue]) -> PolicyState:
    """What the document knows; a tip that it does not name was never shown.

    Args:
        document: the bytes in the bucket, or the struct of a decision's record.

    Raises:
        InvalidPolicyState: it has another form, or rewards that no exposures earned; says where.
    """
    try:
        known = (
            _DOCUMENT.validate_json(document) if isinstance(document, bytes) else _DOCUMENT.validate_python(document)
        )
    except ValidationError as error:
        raise InvalidPolicyState(
            f"policy state: {faults(error, 'document')}; write it with policy_state.dump"
        ) from error
    for tip_id, arm in known.items():
        if arm.reward_sum > arm.exposures:
            raise InvalidPolicyState(
                f"policy state: {arm.exposures} exposures of tip {tip_id!r} cannot have earned {arm.reward_sum};"
                " rewards are 0 to 1, rebuild the state from tip_scores"
            )
    return known


def dump(state: PolicyState) -> dict[str, JsonValue]:
    """The state in its JSON form, which `parse` reads back."""
    return {tip_id: [arm.exposures, arm.reward_sum] for tip_id, arm in state.items()}
