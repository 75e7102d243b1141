import json
import time
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from oo.errors import GatewayFailed
from oo.features.context import assemble
from oo.writing.order import Order
from oo.writing.tip import Written
from oo.writing.writer import Writer
from tests.generator import ANOTHER, TIP, CannedGateway, canned, prompts, writer

LONG = TIP | {"title": "Sleep " * 11}
LINK = TIP | {"body": "Read more about good sleep at phish.com tonight."}


def order(count: int = 1, version: str = "v1") -> Order:
    context = assemble({"goal": "rest"}, {"sleep_hours_last": 6.5}, topic="sleep")
    return Order(prompts().get(version), context, "en", "ada.lovelace", count, seed=7)


async def write(writing: Writer, what: Order) -> Written:
    return await writing.write(what, account="example", until=time.monotonic() + 5)


async def test_a_good_answer_is_the_tip() -> None:
    written = await write(writer(canned(TIP)), order())

    assert [tip.title for tip in written.tips] == [TIP["title"]]
    assert (written.model, written.refusals, written.repaired, written.degraded) == ("canned", (), False, ())


async def test_a_refused_answer_is_asked_for_once_more_and_the_model_is_told_why() -> None:
    gateway = canned(LONG, TIP)

    written = await write(writer(gateway), order())

    assert (written.tips[0].title, written.repaired, written.degraded) == (TIP["title"], True, ())
    assert written.refusals == ("title_length",)
    assert written.usage.prompt_tokens == 240
    first, second = gateway.asked
    assert second.messages[:2] == first.messages
    assert second.messages[2].role == "user"
    assert "title length" in second.messages[2].content
    assert second.seed != first.seed


async def test_nothing_of_a_refused_answer_is_told_to_the_model_again() -> None:
    gateway = canned(LINK, TIP)

    await write(writer(gateway), order())

    assert "phish" not in gateway.asked[1].messages[2].content


async def test_a_second_refused_answer_is_the_end() -> None:
    gateway = canned(LONG, LINK, TIP)

    written = await write(writer(gateway), order())

    assert len(gateway.asked) == 2
    assert (written.model, written.degraded) == (None, ("guardrail:foreign_link",))
    assert written.refusals == ("title_length", "foreign_link")
    assert written.tips[0].title == prompts().get("v1").template("en").title


async def test_without_a_second_answer_the_first_ones_faults_are_the_reason() -> None:
    class OnceGateway(CannedGateway):
        async def complete(self, request, *, timeout):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, ASYNC109
            self.failure = GatewayFailed("gone") if self.asked else None
            return await super().complete(request, timeout=timeout)

    written = await write(writer(OnceGateway((json.dumps(LONG),))), order())

    assert (written.model, written.degraded) == (None, ("guardrail:title_length",))
    assert written.usage.prompt_tokens == 120


async def test_of_several_answers_the_good_ones_are_shown_and_nothing_is_asked_again() -> None:
    gateway = canned(LINK, TIP, ANOTHER)

    written = await write(writer(gateway), order(3))

    assert [tip.title for tip in written.tips] == [TIP["title"], ANOTHER["title"]]
    assert (len(gateway.asked), written.repaired, written.refusals) == (3, False, ("foreign_link",))


async def test_when_none_of_several_is_good_one_more_is_asked_for() -> None:
    gateway = canned(LINK, LONG, TIP)

    written = await write(writer(gateway), order(2))

    assert ([tip.title for tip in written.tips], written.repaired) == ([TIP["title"]], True)
    assert written.refusals == ("foreign_link", "title_length")


async def test_refusals_and_repairs_are_counted_by_reason() -> None:
    def counted() -> list[float]:
        return [
            REGISTRY.get_sample_value("oo_tip_refusals_total", {"prompt_version": "v2", "fault": "foreign_link"}) or 0,
            REGISTRY.get_sample_value("oo_tip_repairs_total", {"outcome": "shown"}) or 0,
        ]

    before = counted()

    await write(writer(canned(LINK, TIP)), order(version="v2"))

    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 1]


async def test_a_prompt_that_fails_on_its_values_gives_the_template() -> None:
    class Broken(Order):
        @property
        def rendered(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
            return self.prompt.render({}, self.language)

    gateway = canned(TIP)
    what = order()
    broken = Broken(what.prompt, what.context, what.language, what.user_id, 1, 7)

    written = await write(writer(gateway), broken)

    assert (written.degraded, gateway.asked) == (("prompt",), [])


@pytest.mark.parametrize(
    "change", [{"language": "de"}, {"prompt": prompts().get("v2")}, {"context": assemble({}, {}, topic="walking")}]
)
def test_a_state_is_another_when_the_model_would_be_told_something_else(change: dict[str, object]) -> None:
    assert replace(order(), **change).state != order().state  # type: ignore[arg-type]  # any field


def test_a_state_is_the_same_for_another_draw() -> None:
    assert replace(order(), seed=8, count=2).state == order().state
