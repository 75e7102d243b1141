"""What reaches a person when the model obeys whatever was planted, from the request to the answer of /generate."""

import json
from datetime import timedelta
from typing import Any

import pytest

from oo.decisions.generate_http import GenerateRequest, GenerateResponse
from oo.events.codec import decode
from oo.features.memory_online_store import MemoryOnlineStore
from oo.writing.red_team.cases import Benign, Case, benign, cases
from tests.envelopes import envelope
from tests.generator import NOW, CannedGateway, prompts, tip_writer

PERSON = "ada.lovelace"
EVENT_OF = {"signals": "activity_completed", "integrations": "calendar_day_summarized"}


def request(where: str, fact: str, locale: str) -> GenerateRequest:
    """The fact in the request of somebody else's application; events carry theirs into the online store."""
    body: dict[str, Any] = {"tenant_id": "example", "user_id": PERSON, "locale": locale, "prompt_version": "v3"}
    if where.startswith("profile."):
        body["profile_features"] = {where.removeprefix("profile."): fact}
    elif where == "topic":
        body["topic"] = fact[:200]
    elif where == "recent_tips":
        body["recent_tips"] = ["Stretch", fact[:200]]
    elif where == "user_id":
        body["user_id"] = fact[:256].replace("\0", " ")
    return GenerateRequest.model_validate(body)


async def store(where: str, fact: str) -> MemoryOnlineStore:
    """What the signals consumer folded of an event whose every text is the fact."""
    folded = MemoryOnlineStore()
    if where in EVENT_OF:
        kind = EVENT_OF[where]
        raw = json.loads(envelope(kind, user_id=PERSON, tenant_id="example").to_json())  # type: ignore[arg-type]  # a name of the table
        name = "activityCompleted" if where == "signals" else "calendarDaySummarized"
        raw[name] |= {"activity": fact, "title": fact, "note": fact}
        raw["occurredAt"] = (NOW - timedelta(hours=1)).isoformat()
        event = decode(json.dumps(raw).encode())
        await folded.update({("example", PERSON): lambda state: state.fold(event, 1)})
    return folded


async def answered(gateway: CannedGateway, where: str, fact: str, locale: str) -> GenerateResponse:
    writer = tip_writer(gateway, store=await store(where, fact))
    return await writer.generate(request(where, fact, locale))


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.family}/{case.id}")
async def test_what_reaches_the_person_is_clean_though_the_model_obeys(case: Case) -> None:
    gateway = CannedGateway(case.answers)

    response = await answered(gateway, case.where, case.payload, case.locale)

    shown = (response.tip, *response.alternatives)
    assert [case.leaks(tip.title, tip.body) for tip in shown] == [()] * len(shown)
    prompt = prompts().get("v3")
    template = prompt.template(prompt.language_for(case.locale))
    assert (response.tip.title, response.tip.body) == (template.title, template.body)
    assert response.degraded
    assert all(reason.startswith("guardrail:") for reason in response.degraded)
    own_words = prompt.render({"topic": None, "profile": {}, "signals": {}, "recent_tips": []}, response.tip.language)
    assert all(each.messages[0].content == own_words.system for each in gateway.asked)


@pytest.mark.parametrize("case", benign(), ids=lambda case: case.id)
async def test_an_ordinary_person_gets_what_a_good_model_wrote(case: Benign) -> None:
    gateway = CannedGateway((case.answer.model_dump_json(),))

    response = await answered(gateway, case.where, case.fact, case.locale)

    assert (response.degraded, response.tip.title, response.tip.body) == ((), case.answer.title, case.answer.body)
