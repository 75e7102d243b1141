import pytest
from pydantic import ValidationError

from oo.rollout.requirements import Requirements


def test_percents_come_one_after_the_other_and_then_the_champions_place() -> None:
    asked = Requirements()
    steps = [0]
    while (step := asked.percent_after(steps[-1])) is not None:
        steps.append(step)
    assert steps == [0, 1, 5, 10, 25, 50]


@pytest.mark.parametrize("percents", [(), (0, 5), (5, 5), (10, 5), (5, 100)])
def test_percents_that_do_not_grow_between_nothing_and_all_are_refused(percents: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError):
        Requirements(percents=percents)


def test_a_share_that_settings_left_for_a_percent_gets_on_with_the_next_one() -> None:
    assert Requirements(percents=(10, 50)).percent_after(25) == 50
