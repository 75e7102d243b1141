"""The people on whom a prompt is tried: its own fixtures, ordinary requests, and those who mean harm."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from oo.errors import InvalidPrompt, faults
from oo.experiments.chance import chance
from oo.prompts.library import Prompt
from oo.prompts.prompt_file import Fixture
from oo.writing.order import Facts
from oo.writing.red_team.cases import Case, Where, benign, cases

Kind = Literal["fixture", "ordinary", "attack"]

SOMEBODY = "trial-7f3a9c51"
"""A user id that no tip holds by accident."""
_FACTS = TypeAdapter(Facts)


@dataclass(frozen=True, slots=True)
class Trial:
    """One request for a tip, of somebody who does not exist."""

    id: str
    kind: Kind
    facts: Facts
    locale: str
    user_id: str = SOMEBODY
    case: Case | None = None
    """The attack that it is, which says what no person may read."""


def of_prompt(prompt: Prompt) -> tuple[Trial, ...]:
    """The prompt's fixtures, the control group, and those of the red team's cases whose text could reach a prompt.

    What others send as signals and integrations is folded into numbers, and a user id is told to nobody.
    """
    fixtures = (
        Trial(f"fixture:{fixture.name}", "fixture", _told(fixture), fixture.language)
        for fixture in prompt.file.fixtures
    )
    ordinary = (Trial(one.id, "ordinary", _fact(one.where, one.fact), one.locale) for one in benign())
    return (*fixtures, *ordinary, *(attack for attack in attacks() if attack.facts != Facts()))


def attacks() -> tuple[Trial, ...]:
    """All of the red team's cases."""
    return tuple(
        Trial(
            case.id,
            "attack",
            _fact(case.where, case.payload),
            case.locale,
            case.payload if case.where == "user_id" else SOMEBODY,
            case,
        )
        for case in cases()
    )


def sample(trials: Iterable[Trial], limit: int | None, seed: int) -> tuple[Trial, ...]:
    """No more than `limit` of the trials, in their order: the same ones for the same seed."""
    trials = tuple(trials)
    drawn = sorted(trials, key=lambda trial: chance("trial_sample", str(seed), trial.id))[:limit]
    chosen = {trial.id for trial in drawn}
    return tuple(trial for trial in trials if trial.id in chosen)


def _told(fixture: Fixture) -> Facts:
    try:
        return _FACTS.validate_python(fixture.values)
    except ValidationError as error:
        raise InvalidPrompt(f"fixture {fixture.name!r} is nobody: {faults(error, 'values')}") from error


def _fact(where: Where, text: str) -> Facts:
    match where:
        case "topic":
            return Facts(topic=text)
        case "recent_tips":
            return Facts(recent_tips=(text,))
        case "profile.goal" | "profile.language":
            return Facts(profile={where.removeprefix("profile."): text})
        case "signals" | "integrations" | "user_id":
            return Facts()
