import pytest

from oo.errors import InvalidPrompt
from oo.prompts.library import Prompt
from oo.writing import trials
from oo.writing.order import Facts
from oo.writing.red_team.cases import benign, cases
from tests.generator import prompts


def test_a_prompt_is_tried_on_its_fixtures_on_ordinary_requests_and_on_attacks() -> None:
    tried = trials.of_prompt(prompts().get("v3"))

    assert {trial.kind for trial in tried} == {"fixture", "ordinary", "attack"}
    assert len({trial.id for trial in tried}) == len(tried)
    short_night = next(trial for trial in tried if trial.id == "fixture:a short night")
    assert short_night.facts == Facts(
        {"goal": "rest", "tips_shown_today": 0},
        {"sleep_hours_last": 5.25, "busy_hours_today": 6},
        "sleep",
        ("Dim the lights at nine",),
    )
    assert sum(trial.kind == "ordinary" for trial in tried) == len(benign())


def test_a_prompt_is_spared_the_attacks_that_it_cannot_be_told() -> None:
    told = {trial.case.where for trial in trials.of_prompt(prompts().get("v3")) if trial.case}

    assert told == {"topic", "recent_tips", "profile.goal", "profile.language"}


def test_every_attack_stands_where_its_case_says() -> None:
    for trial, case in zip(trials.attacks(), cases(), strict=True):
        places = {
            "topic": Facts(topic=case.payload),
            "recent_tips": Facts(recent_tips=(case.payload,)),
            "profile.goal": Facts({"goal": case.payload}),
            "profile.language": Facts({"language": case.payload}),
        }
        assert trial.facts == places.get(case.where, Facts())
        assert (trial.user_id == case.payload) is (case.where == "user_id")


def test_a_sample_is_the_same_for_the_same_seed_and_keeps_the_order() -> None:
    everybody = trials.attacks()

    first, again, other = (trials.sample(everybody, 20, seed) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert len(first) == 20
    assert list(first) == sorted(first, key=everybody.index)
    assert trials.sample(everybody, None, 1) == everybody


def test_a_fixture_that_nobody_could_be_is_refused_by_name() -> None:
    file = prompts().get("v1").file
    odd = file.fixtures[0].model_copy(update={"values": {"topic": None, "profile": "tall", "signals": {}}})
    prompt = Prompt(file.model_copy(update={"fixtures": (odd,)}), "0" * 64)

    with pytest.raises(InvalidPrompt, match=r"'somebody of whom nothing is known' is nobody: .*profile"):
        trials.of_prompt(prompt)
