"""The whole loop on a real stack: one decision followed from request to model."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from itertools import islice

import httpx
import nats
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # pyarrow ships no types
import pytest
from nats.js import JetStreamContext
from rich.console import Console

from examples.caller import Caller, calling, is_drained
from examples.digits import rows as digit_rows
from examples.digits import story as digits
from examples.narrator import Narrator
from examples.rollout import REHEARSAL, People, asking, carry
from oo.events.subjects import SUBJECTS
from oo.local import stack
from oo.local.locations import pipeline_settings
from oo.local.settings import StackSettings
from oo.local.traffic import LocalTraffic
from oo.registry.mlflow_registry import MlflowRegistry
from oo.registry.registry import CHAMPION, PREVIOUS
from oo.rewards import database, queries
from oo.settings import PipelineSettings
from oo.training.registration import TRAINING_ROWS
from oo.wiring.lineage import tracing
from oo.wiring.process import new_id, now
from oo.wiring.rollout import conducting
from pipelines import runs
from pipelines.runs import Training
from tests.integration.waiting import until

LEARNED_FROM, COMPARED = 1_300, 200


@pytest.fixture
def places(running_stack: StackSettings) -> PipelineSettings:
    return pipeline_settings(running_stack, overrides={})


@pytest.fixture
async def caller(running_stack: StackSettings) -> AsyncIterator[Caller]:
    async with calling(running_stack, now=now, new_id=new_id) as of:
        yield of(digit_rows.TENANT)


@pytest.fixture
async def jetstream(places: PipelineSettings) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(places.nats_url)
    yield client.jetstream()
    await client.close()


def test_the_whole_stack_is_healthy(running_stack: StackSettings) -> None:
    conditions = {row.name: row.condition for row in stack.status(running_stack)}
    assert conditions.pop("bootstrap") == "done"
    assert set(conditions.values()) == {"healthy"}


async def test_one_decision_is_followed_from_its_request_to_the_model_that_it_trained(
    running_stack: StackSettings, caller: Caller, places: PipelineSettings
) -> None:
    images = digit_rows.images(seed=1)
    before = await digits.play(caller, list(islice(images, LEARNED_FROM)), at_once=8)
    scores = database.connect(places.tip_scores_url)

    async def matured() -> bool:
        counts = queries.counts(scores, now(), digit_rows.TENANT)
        return counts.reacted == LEARNED_FROM and counts.open == 0

    await until(matured)

    outcome = await asyncio.to_thread(runs.train, places, Training("digits@1", now(), seed=1))
    assert outcome.proposed, outcome.sentences
    people = People(caller, list(islice(images, COMPARED)))
    hurried = places.model_copy(update={"rollout": REHEARSAL.model_copy(update={"percents": (50,)})})
    async with conducting(hurried, "digits", LocalTraffic(running_stack)) as conductor:
        async with asking(people):  # whose every request is answered, or this raises
            rollout = await carry(conductor, Narrator(Console(file=io.StringIO())), who="a test", told=())
        history = await conductor.history.of(conductor.subject)
    assert (rollout.champion, rollout.previous) == ("2", "1")
    assert [one.transition.stage for one in history] == ["champion", "challenger", "shadow", "canary", "champion"]
    assert all(one.transition.evidence for one in history[2:]), "each step into the traffic names its evidence"

    after = await digits.play(caller, people.images, at_once=8)
    assert sum(one.reward for one in before) / LEARNED_FROM < 0.2
    assert sum(one.reward for one in after) / COMPARED > 0.4

    registry = MlflowRegistry(places.mlflow_url)
    champion, previous = registry.by_alias("digits", CHAMPION), registry.by_alias("digits", PREVIOUS)
    assert (champion, previous and previous.version) == (outcome.challenger, 1)
    assert champion is not None

    followed = before[0]
    await until(lambda: is_drained(caller.jetstream, "archive"))
    async with tracing(places) as tracer:
        lineage = await tracer.trace(followed.decision_id)
        by_the_trained_model = await tracer.trace(after[0].decision_id)
    assert by_the_trained_model.replayed is not None
    assert by_the_trained_model.replayed.equals(by_the_trained_model.decided)  # type: ignore[arg-type]  # /score
    assert lineage.logged, "the decision log holds the bytes that the offline store holds"
    assert lineage.archived.tenant_id == digit_rows.TENANT
    assert len(lineage.feedback) == 2
    assert lineage.scores is not None
    assert lineage.scores["reward"] == followed.reward
    assert lineage.scores["propensity"] == pytest.approx(0.1)
    assert lineage.replayed is not None
    assert lineage.replayed.equals(lineage.decided)  # type: ignore[arg-type]  # a /score decision
    assert lineage.trained == (champion,)
    rows = pq.read_table(io.BytesIO(registry.read_file(champion, TRAINING_ROWS))).to_pylist()
    (row,) = (row for row in rows if row["decision_id"] == followed.decision_id)
    assert row["reward"] == followed.reward


async def test_a_written_tip_is_on_record_with_its_prompt_version(caller: Caller, places: PipelineSettings) -> None:
    answers = [await caller.generate("ada", topic="rest", **wish) for wish in ({}, {"prompt_version": "v2"})]
    assert [answer["prompt_version"] for answer in answers] == ["v1", "v2"]
    assert all(answer["tip"]["title"] and not answer["degraded"] for answer in answers)
    scores = database.connect(places.tip_scores_url)

    async def is_joined() -> bool:
        return all(queries.rows(scores, answer["decision_id"], now()) for answer in answers)

    await until(is_joined)
    rows = [queries.rows(scores, answer["decision_id"], now())[0] for answer in answers]
    assert [row["prompt_version"] for row in rows] == ["v1", "v2"]


BODY = {"tenant_id": "digits", "user_id": "u", "candidates": [{"tip_id": "1"}], "context": {}}


@pytest.mark.parametrize(
    ("path", "body", "status", "named"),
    [
        ("/score", b"{", 422, "body"),
        ("/score", json.dumps(BODY | {"user_id": 7}), 422, "user_id"),
        ("/score", json.dumps({k: v for k, v in BODY.items() if k != "tenant_id"}), 422, "tenant_id"),
        ("/score", json.dumps(BODY | {"candidates": []}), 422, "candidates"),
        ("/score", json.dumps(BODY | {"candidates": [{"tip_id": "1"}, {"tip_id": "1"}]}), 422, "candidates"),
        ("/score", json.dumps(BODY | {"context": {"pixel_00": float("nan")}}), 422, "context.pixel_00"),
        ("/score", json.dumps(BODY | {"context": {"pixel_00": float("inf")}}), 422, "context.pixel_00"),
        ("/score", json.dumps(BODY | {"context": {"pixel_00": "dark"}}), 422, "pixel_00"),
        ("/score", json.dumps(BODY | {"tenant_id": "nobody"}), 422, "nobody"),
        ("/score", json.dumps(BODY | {"colour": "red"}), 422, "colour"),
        ("/score", json.dumps(BODY | {"context": {"note": "x" * 400_000}}), 413, "400000"),
        ("/generate", json.dumps({"tenant_id": "digits", "user_id": "u", "prompt_version": "v9"}), 422, "v1, v2"),
        ("/generate", json.dumps({"tenant_id": "digits"}), 422, "user_id"),
        ("/generate", json.dumps({"tenant_id": "digits", "user_id": "u", "topic": "x" * 400_000}), 413, "400000"),
    ],
)
async def test_a_bad_request_is_refused_by_name_and_changes_nothing(  # noqa: PLR0913, PLR0917  # a table of cases
    running_stack: StackSettings, jetstream: JetStreamContext, path: str, body: str | bytes, status: int, named: str
) -> None:
    before = (await jetstream.stream_info("DECISIONS")).state.messages
    port = running_stack.scorer_port if path == "/score" else running_stack.generator_port
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as service:
        answer = await service.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert named in answer.text
    assert (await jetstream.stream_info("DECISIONS")).state.messages == before


async def test_a_retry_over_http_gets_the_first_answer_and_another_question_is_refused(
    running_stack: StackSettings,
) -> None:
    first = str(new_id())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running_stack.scorer_port}") as scorer:
        answers = [(await scorer.post("/score", json=BODY, headers={"x-request-id": first})).json() for _ in range(2)]
        other = await scorer.post("/score", json=BODY | {"user_id": "another", "request_id": first})
    assert answers[0] == answers[1]
    assert answers[0]["decision_id"] == first
    assert other.status_code == 409
    assert "request_id" in other.json()["error"]["message"]


async def test_a_malformed_event_on_each_subject_is_dead_lettered_by_every_reader_with_its_bytes(
    jetstream: JetStreamContext, places: PipelineSettings
) -> None:
    scores = database.connect(places.tip_scores_url)
    await until(lambda: is_drained(jetstream, "rewards"))
    at = now()
    before = queries.counts(scores, at)
    garbage = {subject: f"not an event, on {subject}".encode() for subject in SUBJECTS.values()}
    for subject, data in garbage.items():
        await jetstream.publish(subject, data)
    readers = {subject: {"archive", _other_reader(subject)} for subject in garbage}
    seen: dict[str, set[str]] = {subject: set() for subject in garbage}
    letters = await jetstream.subscribe("dlq.>", ordered_consumer=True)

    async def all_seen() -> bool:
        try:
            letter = await letters.next_msg(timeout=1)
        except TimeoutError:
            return False
        assert letter.headers
        subject = letter.headers["Oo-Subject"]
        if letter.data == garbage[subject]:
            assert "JSON" in letter.headers["Oo-Error"]
            assert letter.headers["Oo-Reason"] == "invalid_event"
            seen[subject].add(letter.subject.removeprefix("dlq."))
        return seen == readers

    await until(all_seen)
    assert queries.counts(scores, at) == before


def _other_reader(subject: str) -> str:
    return "signals" if subject.startswith(("signals.", "integration.")) else "rewards"
