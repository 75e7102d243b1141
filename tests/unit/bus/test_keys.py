from hypothesis import example, given, settings
from hypothesis import strategies as st

from oo.bus.keys import key_part


def test_a_plain_name_stands_as_it_is() -> None:
    assert key_part("Ada_Lovelace-2") == "Ada_Lovelace-2"


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(st.text(), st.text())
@example("a.b", key_part("a.b"))
@example("a.b", key_part("a.b").removeprefix("="))
def test_every_name_has_a_key_of_its_own_that_a_bucket_takes(one: str, other: str) -> None:
    assert (key_part(one) == key_part(other)) == (one == other)
    assert set(key_part(one)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")
