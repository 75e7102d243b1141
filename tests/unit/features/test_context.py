from oo.features.context import assemble


def test_what_is_not_known_stays_out_of_the_context() -> None:
    context = assemble({"goal": "rest", "height": None}, {"sessions_7d": None}, topic=None, locale=None)

    assert context.variables() == {"profile": {"goal": "rest"}, "signals": {}, "topic": None, "locale": None}


def test_numbers_are_told_with_two_decimals_at_most() -> None:
    context = assemble({"rate": 1 / 3, "premium": True}, {"sleep_hours_last": 7.0}, topic="sleep", locale="de")

    assert str(context.variables()) == (
        "{'profile': {'rate': 0.33, 'premium': True}, 'signals': {'sleep_hours_last': 7}, "
        "'topic': 'sleep', 'locale': 'de'}"
    )


def test_the_callers_words_are_its_texts() -> None:
    context = assemble({"goal": "https://club.example", "steps": 3}, {"sessions_7d": 4}, topic="walks", locale="de")

    assert context.words == "walks https://club.example"
