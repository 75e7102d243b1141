from random import Random

from nats.aio.client import Client
from nats.aio.msg import Msg

from oo.bus.batch import Batch


def companies(delivered: list[int], seed: int = 1) -> list[list[int]]:
    """The numbers of the messages, which were delivered so many times, in the companies that they are handled in."""
    client = Client()
    messages = [
        Msg(client, reply=f"$JS.ACK.SIGNALS.signals-signals.{times}.{number}.{number}.0.0")
        for number, times in enumerate(delivered, 1)
    ]
    batch = Batch(messages, keep_seconds=10)
    spread = Random(seed)  # noqa: S311  # an order, no secret
    return [[delivery.sequence for _, delivery in company] for company in batch.companies(spread)]


def test_what_came_once_or_twice_is_handled_together() -> None:
    assert companies([1, 2, 1]) == [[1, 2, 3]]


def test_what_came_more_often_is_handled_alone_after_the_others() -> None:
    assert companies([3, 1, 3, 2]) == [[2, 4], [1], [3]]


def test_who_waits_behind_a_message_that_ends_the_process_is_in_front_of_it_the_next_time() -> None:
    assert companies([3, 3, 3]) == [[1], [2], [3]]
    assert companies([4, 4, 4]) == [[3], [2], [1]]
    assert companies([5, 5, 5]) == [[1], [2], [3]]


def test_behind_several_of_them_any_order_may_come_in_the_end() -> None:
    orders = {tuple(number for (number,) in companies([7, 8, 7], seed)) for seed in range(100)}
    assert len(orders) == 6
