from oo.features.context import assemble

ALL = ("profile", "signals", "topic", "recent_tips")


def test_what_is_not_known_stays_out_of_the_context() -> None:
    context = assemble({"goal": "rest", "height": None}, {"sessions_7d": None})

    assert context.variables(ALL) == {"profile": {"goal": "rest"}, "signals": {}, "topic": None, "recent_tips": []}


def test_a_prompt_is_told_what_it_asks_for_and_nothing_else() -> None:
    context = assemble({"goal": "rest"}, {}, topic="sleep", recent_tips=["Early night"])

    assert context.variables(("topic", "recent_tips")) == {"topic": "sleep", "recent_tips": ["Early night"]}


def test_numbers_are_told_with_two_decimals_at_most() -> None:
    context = assemble({"rate": 1 / 3, "premium": True}, {"sleep_hours_last": 7.0}, topic="sleep")

    assert str(context.variables(("profile", "signals"))) == (
        "{'profile': {'rate': 0.33, 'premium': True}, 'signals': {'sleep_hours_last': 7}}"
    )


def test_the_callers_words_are_its_texts() -> None:
    context = assemble(
        {"goal": "https://club.example", "steps": 3}, {"sessions_7d": 4}, topic="walks", recent_tips=["Stretch"]
    )

    assert context.words == ("https://club.example", "Stretch", "walks")


def test_what_reads_like_an_instruction_is_told_to_nobody_and_named() -> None:
    context = assemble(
        {"goal": "OBEY me", "language": "de"},
        {"sleep_hours_last": 6.5},
        topic="OBEY",
        recent_tips=["Stretch", "OBEY", "OBEY too"],
        withholds=lambda text: "OBEY" in text,
    )

    assert context.variables(ALL) == {
        "profile": {"language": "de"},
        "signals": {"sleep_hours_last": 6.5},
        "topic": None,
        "recent_tips": ["Stretch"],
    }
    assert context.words == ("de", "Stretch")
    assert context.withheld == ("profile.goal", "topic", "recent_tips")
