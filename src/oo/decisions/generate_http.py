"""The bodies of /generate."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from oo.decisions.http import (
    AssignedExperiment,
    DecisionId,
    HttpModel,
    Name,
    NamedVersion,
    ProfileFeatures,
    PromptVersion,
    RequestId,
)

MOST_TIPS = 5
MOST_RECENT_TIPS = 20

Topic = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Locale = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$")]


GenerateShortfall = Literal[
    "online_store",
    "decision_log",
    "timeout",
    "llm_failed",
    "prompt_too_long",
    "completion_too_long",
    "call_budget",
    "daily_budget",
    "budget_unknown",
    "prompt",
    "guardrail:not_a_tip",
    "guardrail:title_length",
    "guardrail:body_length",
    "guardrail:control_characters",
    "guardrail:emojis",
    "guardrail:language",
    "guardrail:topic",
    "guardrail:unsafe",
    "guardrail:danger",
    "guardrail:medical_claim",
    "guardrail:financial_claim",
    "guardrail:legal_claim",
    "guardrail:toxicity",
    "guardrail:personal_data",
    "guardrail:secret",
    "guardrail:foreign_link",
    "guardrail:foreign_name",
    "guardrail:echo",
    "guardrail:instruction",
    "guardrail:leak",
    "guardrail:markup",
    "guardrail:opaque",
    "guardrail:shouting",
]


class GenerateRequest(HttpModel):
    """Write this person a tip."""

    request_id: RequestId | None = None
    """A UUID that names the decision, so that a retry gets the first answer; goes before the header `x-request-id`.
    Anything but a UUID names nothing. Absent: the header's, else a new one."""
    tenant_id: Name
    """The tenant, as a catalog declares it."""
    user_id: Name
    """The person: the key of what the signals told about them, and of the side that they are on in an experiment."""
    profile_features: ProfileFeatures | None = None
    """What the caller computed about the person, by the names of the profile schema; others are ignored and counted.
    Absent: nothing is known."""
    prompt_version: PromptVersion | None = None
    """A released prompt, such as `v2`. Absent: that of the tenant's experiment, else of its rollout, else the
    deployment's default."""
    topic: Topic | None = None
    """What the tip should be about, in the person's words. Absent: the language model chooses."""
    locale: Locale | None = None
    """The language to write in, as a BCP 47 tag such as `de-AT`. Absent, or a language that the prompt does not write:
    English; the tip says what it is written in."""
    recent_tips: Annotated[tuple[Title, ...], Field(max_length=MOST_RECENT_TIPS)] = ()
    """The titles of tips that the person saw lately, so that another one is written. Prompts from `v3` on read them."""
    n: Annotated[int, Field(ge=1, le=MOST_TIPS)] = 1
    """How many different tips to write; fewer come when the language model repeats itself. With more than one, `/score`
    can choose among them."""


class WrittenTip(HttpModel):
    """The tip as the person may see it."""

    tip_id: str
    """Exposures and reactions on the bus refer to it."""
    title: Annotated[str, Field(min_length=1)]
    """Plain text; the prompt version says how long it may be."""
    body: Annotated[str, Field(min_length=1)]
    """Plain text; the prompt version says how long it may be."""
    language: str
    """What it is written in, such as `en`."""
    topic: str
    """What it is about: one of the prompt version's topics, such as `rest`."""


class TokenUsage(HttpModel):
    """What the language model took, also for answers that were refused; zeros when none was asked or none answered."""

    prompt_tokens: Annotated[int, Field(ge=0)]
    completion_tokens: Annotated[int, Field(ge=0)]
    cost_usd: Annotated[float, Field(ge=0)] | None
    """In US dollars; null when none answered."""


class GenerateResponse(HttpModel):
    """The tip, who wrote it and what that took."""

    decision_id: DecisionId
    """Names this decision for the events about it on the bus. The caller's request id when that is a UUID."""
    tip: WrittenTip
    alternatives: tuple[WrittenTip, ...]
    """The further tips, at most `n` - 1 and each another one. To let `/score` choose, send it all of them as candidates
    with this `prompt_version`, and tell the bus of `/score`'s decision."""
    prompt_version: str
    """The prompt that the tip was asked for with, also when the template wrote it."""
    experiment: AssignedExperiment | None
    """The experiment that chose the prompt version; null when the request or the default did."""
    model: NamedVersion | None
    """The language model that wrote the tip; null when the prompt's template did."""
    cached: bool
    """Whether the tips were written for an earlier request of this person, of whom nothing new is known since."""
    usage: TokenUsage
    degraded: tuple[GenerateShortfall, ...]
    """What the answer had to do without; empty for a full one. A decision that names anything is kept out of learning.

    - `online_store`: the signal features could not be read in time; the tip was written without them.
    - `decision_log`: the decision was not recorded in time, so events about it cannot be joined.
    - All others: the template wrote the tip, because the language model took too long (`timeout`), failed
      (`llm_failed`) or went on and on (`completion_too_long`), would have been sent too much (`prompt_too_long`), costs
      too much for one call (`call_budget`) or for the tenant's day (`daily_budget`), nobody could tell what the day has
      cost so far (`budget_unknown`), the prompt could not be filled in (`prompt`), or what it wrote is not to be shown
      (`guardrail:` and the reason)."""
