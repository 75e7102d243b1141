"""`make test-llm`: a language model that nobody scripted, through all that stands between it and a person."""

import time
from collections.abc import AsyncIterator

import httpx
from nats.js import JetStreamContext

from oo.decisions.generate_http import GenerateResponse
from oo.events.codec import decode
from oo.events.decision import GenerateDecided
from oo.local.settings import PROJECT_DIR
from oo.prompts.library import PromptLibrary
from tests.llm.conftest import ANSWERED_WITHIN_SECONDS
from tests.llm.figures import Answered, write
from tests.llm.questions import questions

DOCUMENT = PROJECT_DIR / "docs" / "generator-real-model.md"
COUNT = 40
SEED = 20261122


async def test_whatever_a_real_model_writes_a_person_gets_a_proper_tip_and_the_bus_has_it(
    generator_url: str, jetstream: JetStreamContext
) -> None:
    library = PromptLibrary.load()
    answers: dict[str, tuple[GenerateResponse, float]] = {}
    async with httpx.AsyncClient(base_url=generator_url, timeout=2 * ANSWERED_WITHIN_SECONDS) as client:
        for question in questions(COUNT, library.versions, SEED):
            began = time.perf_counter()
            response = await client.post("/generate", json=question)
            seconds = time.perf_counter() - began

            assert response.status_code == httpx.codes.OK, response.text
            answer = GenerateResponse.model_validate_json(response.content)
            output = library.get(question["prompt_version"]).output
            assert answer.decision_id == question["request_id"]
            assert answer.prompt_version == question["prompt_version"]
            assert answer.tip.language == question["locale"]
            assert answer.tip.topic in output.topics
            assert 0 < len(answer.tip.title.strip()) <= output.title.max_length
            assert 0 < len(answer.tip.body.strip()) <= output.body.max_length
            assert question["user_id"] not in f"{answer.tip.title} {answer.tip.body}"
            assert (answer.model is None) == bool(answer.degraded)
            assert not answer.cached
            answers[answer.decision_id] = answer, seconds
            who = "model" if answer.model else f"template for {', '.join(answer.degraded)}"
            print(f"{len(answers)}/{COUNT} {seconds:.1f} s {answer.prompt_version} {who}: {answer.tip.title}")

    recorded = [decided async for decided in _recorded(jetstream)]
    assert [decided.decision_id for decided in recorded] == list(answers)
    answered = []
    for decided in recorded:
        answer, seconds = answers[decided.decision_id]
        tip, usage, model = answer.tip, answer.usage, answer.model
        assert (decided.tip_id, decided.title, decided.body) == (tip.tip_id, tip.title, tip.body)
        assert (decided.language, decided.topic) == (tip.language, tip.topic)
        assert (decided.prompt_version, decided.degraded) == (answer.prompt_version, answer.degraded)
        assert (decided.model and decided.model.name) == (model and model.name)
        assert (decided.prompt_tokens, decided.completion_tokens) == (usage.prompt_tokens, usage.completion_tokens)
        assert decided.cost_usd == usage.cost_usd
        assert not decided.refusals or decided.repaired or not model
        answered.append(Answered(decided, seconds))

    write(DOCUMENT, answered)
    assert any(each.by_model for each in answered), "the model wrote no tip that a person may see"


async def _recorded(jetstream: JetStreamContext) -> AsyncIterator[GenerateDecided]:
    last = (await jetstream.stream_info("DECISIONS")).state.last_seq
    for sequence in range(1, last + 1):
        message = await jetstream.get_msg("DECISIONS", sequence)
        assert message.subject == "decisions.generate"
        decided = decode(message.data or b"").generate_decided
        assert decided is not None
        yield decided
