"""Many questions at once over one inbox."""

import asyncio

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from oo.bus.requests import Question, Requests
from tests.integration.consuming import until
from tests.integration.nats_server import NatsServer


@pytest.fixture(autouse=True)
async def _echo(nats_client: Client) -> None:
    """Somebody who answers with what was asked, in the headers and the data, but never to `silent.`."""

    async def answer(message: Msg) -> None:
        await nats_client.publish(
            message.reply, message.data, headers={"Asked": message.subject} | (message.headers or {})
        )

    await nats_client.subscribe("echo.*", cb=answer)
    await nats_client.subscribe("silent.*", cb=_keep_silent)


async def _keep_silent(_: Msg) -> None: ...


def said(answer: Msg | None) -> tuple[str, bytes] | None:
    return None if answer is None else ((answer.headers or {})["Asked"], answer.data)


async def test_answers_come_in_the_order_of_the_questions(jetstream: JetStreamContext) -> None:
    questions = [Question(f"echo.{number}", b"%d" % number) for number in range(500)]
    answers = await Requests(jetstream).ask(questions, 10)
    assert [said(answer) for answer in answers] == [(f"echo.{number}", b"%d" % number) for number in range(500)]


async def test_headers_go_along(jetstream: JetStreamContext) -> None:
    (answer,) = await Requests(jetstream).ask([Question("echo.one", headers={"Colour": "red"})], 10)
    assert answer is not None
    assert answer.headers == {"Asked": "echo.one", "Colour": "red"}


async def test_who_does_not_answer_in_time_keeps_no_answer_from_the_others(jetstream: JetStreamContext) -> None:
    questions = [Question("echo.one"), Question("silent.two"), Question("echo.three")]
    answers = await Requests(jetstream).ask(questions, 0.3)
    assert [said(answer) for answer in answers] == [("echo.one", b""), None, ("echo.three", b"")]


async def test_rounds_at_the_same_time_do_not_mix(jetstream: JetStreamContext) -> None:
    requests = Requests(jetstream)
    rounds = [[Question(f"echo.{letter}{number}") for number in range(50)] for letter in "abcd"]
    for questions, answers in zip(
        rounds, await asyncio.gather(*(requests.ask(each, 10) for each in rounds)), strict=True
    ):
        assert [said(answer) for answer in answers] == [(question.subject, b"") for question in questions]


async def test_an_answer_after_its_time_is_nobodys(jetstream: JetStreamContext, nats_client: Client) -> None:
    late: list[str] = []

    async def remember(message: Msg) -> None:
        late.append(message.reply)

    await nats_client.subscribe("late.*", cb=remember)
    requests = Requests(jetstream)
    assert await requests.ask([Question("late.one")], 0.1) == [None]
    await nats_client.publish(late[0], b"at last")
    answers = await requests.ask([Question("echo.two", b"now")], 10)
    assert [said(answer) for answer in answers] == [("echo.two", b"now")]


async def test_nothing_is_asked_over_a_connection_that_is_lost_and_it_works_again_after(
    jetstream: JetStreamContext, nats_client: Client, nats_server: NatsServer
) -> None:
    requests = Requests(jetstream)
    await requests.ask([Question("echo.one")], 10)
    await asyncio.to_thread(nats_server.stop)
    await until(lambda: not nats_client.is_connected)
    with pytest.raises(NatsError):
        await requests.ask([Question("echo.two")], 10)
    await asyncio.to_thread(nats_server.start)
    await until(lambda: nats_client.is_connected)
    answers = await requests.ask([Question("echo.three")], 10)
    assert [said(answer) for answer in answers] == [("echo.three", b"")]


async def test_no_questions_have_no_answers(jetstream: JetStreamContext) -> None:
    assert await Requests(jetstream).ask([], 10) == []
