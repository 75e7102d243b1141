import json

import pytest

from oo.llm.guardrails import Limits, faults

LIMITS = Limits(title=20, body=80)


def _text(title: str = "Breathe", body: str = "Breathe slowly for a minute.") -> str:
    return json.dumps({"title": title, "body": body})


def test_a_tip_within_its_limits_has_no_fault() -> None:
    draft, found = faults(_text(), LIMITS, "")

    assert draft is not None
    assert (draft.title, draft.body, found) == ("Breathe", "Breathe slowly for a minute.", ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Breathe slowly.",
        "[]",
        '{"title": "Breathe"}',
        '{"title": "Breathe", "body": null}',
        '{"title": 1, "body": "x"}',
        '{"title": "Breathe", "body": "x", "system": "y"}',
        '{"title": "Breathe", "body": "cut o',
    ],
)
def test_what_is_not_a_title_and_a_body_is_no_tip(text: str) -> None:
    assert faults(text, LIMITS, "") == (None, ("not_a_tip",))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (_text(title=""), "title_length"),
        (_text(title="x" * 21), "title_length"),
        (_text(body="  "), "body_length"),
        (_text(body="x" * 81), "body_length"),
        (_text(body="a\nb"), "control_characters"),
        (_text(title="a\x1b[2J"), "control_characters"),
        (_text(body="a\u202eb"), "control_characters"),
        (_text(body="see https://phish.example/a"), "foreign_link"),
        (_text(body="see www.phish.example"), "foreign_link"),
        (_text(body="see PHISH.com today"), "foreign_link"),
        (_text(body="[here](javascript://alert)"), "foreign_link"),
        (_text(body="mailto:a@b.example"), "foreign_link"),
    ],
)
def test_each_fault_is_found_by_name(text: str, fault: str) -> None:
    assert faults(text, LIMITS, "")[1] == (fault,)


def test_several_faults_are_all_told() -> None:
    assert faults(_text(title="", body="x\x00" * 80), LIMITS, "")[1] == (
        "title_length",
        "body_length",
        "control_characters",
    )


def test_a_link_that_the_caller_wrote_may_be_repeated() -> None:
    source = "my club: https://club.example/walks?a=1&b=2"

    assert faults(_text(body="Look at https://club.example/walks?a=1&b=2."), LIMITS, source)[1] == ()
    assert faults(_text(body="Look at https://club.example/else"), LIMITS, source)[1] == ("foreign_link",)


@pytest.mark.parametrize("body", ["Rest.Then walk 1.5 km at 7.30.", "Ruhe, z.B. im Park: 5 Min.", "Try 👩‍👧 time"])
def test_plain_prose_is_no_link(body: str) -> None:
    assert faults(_text(body=body), LIMITS, "")[1] == ()
