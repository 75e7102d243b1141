"""The Open Bandit log replayed through the real scorer.

Two estimates of the scorer's click rate come out: the replay method uses the rows where the scorer chose what the log
had shown (Li, Chu, Langford, Wang 2011, "Unbiased Offline Evaluation of Contextual-bandit-based News Article
Recommendation Algorithms"), importance weighting uses every row, since an answer holds the probability of every item.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from examples.caller import Caller, each
from examples.open_bandit.rows import LoggedChoice
from oo.events.feedback import ReactionKind


@dataclass(frozen=True, slots=True)
class Replayed:
    """A logged choice beside the scorer's answer to the same question."""

    clicked: bool
    logged_propensity: float
    probability: float
    """The probability that the scorer gave to the logged item."""
    matched: bool
    """Whether the scorer chose the logged item."""
    variant: str
    """The side of the experiment that the visitor was assigned to."""


async def replay(
    caller: Caller, choices: Iterable[LoggedChoice], *, at_once: int, advance: Callable[[], None] = lambda: None
) -> list[Replayed]:
    """Ask the scorer each logged question; where it chooses the logged item, tell the exposure and the logged click."""

    async def one(choice: LoggedChoice) -> Replayed:
        answer = await caller.score(
            choice.user_id, choice.candidates, context=choice.context, request_id=choice.request_id
        )
        matched = answer["tip_id"] == choice.tip_id
        if matched:
            reaction = ReactionKind.CLICKED if choice.clicked else None
            await caller.show(choice.user_id, answer["decision_id"], answer["tip_id"], reaction)
        probability = next(arm["probability"] for arm in answer["ranking"] if arm["tip_id"] == choice.tip_id)
        advance()
        return Replayed(choice.clicked, choice.propensity, probability, matched, answer["experiment"]["variant"])

    return await each(choices, one, at_once)
