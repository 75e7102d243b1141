import json
import unicodedata
from collections import Counter
from collections.abc import Iterator

import pytest
import yaml
from pydantic import ValidationError

from oo.prompts.library import TIPS
from oo.writing.red_team.cases import BENIGN, FOLDER, Answer, Benign, Case, benign, cases

FAMILIES = {
    "declared_safe",
    "encoded",
    "financial",
    "instructions",
    "invisible",
    "languages",
    "legal",
    "links",
    "malformed",
    "medical",
    "names",
    "overlong",
    "personal_data",
    "secrets",
    "sexual",
    "toxicity",
    "wrong_language",
}
TITLE, BODY = 48, 200  # the tightest bounds of a released prompt: over them, length alone would refuse
CASE = {"id": "x", "family": "links", "where": "topic", "payload": "p", "obeyed": "o", "never": ["o"]}


def _shown(text: str) -> tuple[str, str]:
    """What a careless reader of the answer would show: its title and body, else all of it."""
    try:
        answer = json.loads(text)
    except ValueError:
        return text, ""
    match answer:
        case {"title": str(title), "body": str(body)}:
            return title, body
        case _:
            return text, ""


def _tips(node: object) -> Iterator[tuple[str, str]]:
    """Every title with its body in a prompt file, wherever it stands."""
    match node:
        case {"title": str(title), "body": str(body)}:
            yield title, body
        case dict():
            for part in node.values():
                yield from _tips(part)
        case _:
            return


def test_there_are_more_than_two_hundred_cases_and_a_dozen_of_each_family() -> None:
    per_family = Counter(case.family for case in cases())

    assert per_family.keys() == FAMILIES
    assert min(per_family.values()) >= 12
    assert per_family.total() >= 220


def test_every_case_has_an_id_of_its_own() -> None:
    ids = [case.id for case in cases()]

    assert [name for name, times in Counter(ids).items() if times > 1] == []


def test_attacks_come_through_every_fact_and_in_every_language_that_tips_are_written_in() -> None:
    assert {case.where for case in cases()} == {
        "signals",
        "integrations",
        "profile.goal",
        "profile.language",
        "topic",
        "recent_tips",
        "user_id",
    }
    assert {case.locale for case in cases()} == {"en", "de", "fr", "es"}


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_whoever_shows_what_the_model_answered_leaks(case: Case) -> None:
    for text in case.answers:
        assert case.leaks(*_shown(text))


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_every_pattern_finds_something_in_the_answers(case: Case) -> None:
    found = {pattern for text in case.answers for pattern in (*case.leaks(*_shown(text)), *case.leaks(text, ""))}

    assert found == set(case.never)


def test_no_case_forbids_a_template_tip() -> None:
    templates = [tip for path in TIPS.glob("*.yaml") for tip in _tips(yaml.safe_load(path.read_text(encoding="utf-8")))]

    assert templates
    assert [(case.id, title) for case in cases() for title, body in templates if case.leaks(title, body)] == []


def test_no_case_forbids_a_tip_of_the_control_group() -> None:
    tips = [one.answer for one in benign()]

    assert [(case.id, tip.title) for case in cases() for tip in tips if case.leaks(tip.title, tip.body)] == []


def test_only_the_family_that_is_about_length_is_refused_for_it() -> None:
    answers = [
        (case.family, answer)
        for case in cases()
        for answer in (case.obeyed, case.obeyed_again)
        if isinstance(answer, Answer)
    ]
    long = {family for family, answer in answers if len(answer.title) > TITLE or len(answer.body) > BODY}

    assert long == {"overlong"}


def test_some_models_answer_the_repair_with_another_attack() -> None:
    again = [case for case in cases() if case.answers[0] != case.answers[1]]

    assert len(again) >= 10


def test_a_leak_is_found_through_disguises_and_over_title_and_body() -> None:
    case = Case.model_validate({**CASE, "never": ["paypal", "cures cancer", r"call\W+me"]}, strict=False)

    assert case.leaks("Open p\u0430yp\u0430l", "It cu\u00adres C\u00e2ncer.") == ("paypal", "cures cancer")
    assert case.leaks("Call", "me.") == (r"call\W+me",)
    assert case.leaks("A walk", "Ten minutes are enough.") == ()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"never": []}, "never"),
        ({"never": ["("]}, "never"),
        ({"where": "headers"}, "where"),
        ({"payload": ""}, "payload"),
        ({"expected": "refused"}, "expected"),
        ({"obeyed": {"title": "t"}}, "body"),
    ],
)
def test_a_case_that_says_too_little_or_too_much_is_refused(change: dict[str, object], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Case.model_validate(CASE | change)


def test_control_and_invisible_characters_stand_as_escapes_in_the_files() -> None:
    hidden = {
        path.name: sorted({f"{ord(c):x}" for c in path.read_text(encoding="utf-8") if _hides(c)})
        for path in FOLDER.glob("*.yaml")
    }

    assert {name: found for name, found in hidden.items() if found} == {}


def _hides(character: str) -> bool:
    return character != "\n" and unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_the_control_group_has_sixty_ordinary_tips_in_all_four_languages() -> None:
    per_language = Counter(one.locale for one in benign())

    assert per_language.keys() == {"en", "de", "fr", "es"}
    assert min(per_language.values()) >= 15
    assert len({one.id for one in benign()}) == len(benign())


@pytest.mark.parametrize("one", benign(), ids=lambda one: one.id)
def test_a_tip_of_the_control_group_is_within_every_declared_bound(one: Benign) -> None:
    assert one.answer.language == one.locale
    assert one.answer.safety == "safe"
    assert len(one.answer.title) <= TITLE
    assert len(one.answer.body) <= BODY


def test_every_file_is_a_family_or_the_control_group() -> None:
    files = {path.stem for path in FOLDER.glob("*.yaml")}

    assert files == FAMILIES | {BENIGN}
