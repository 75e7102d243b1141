import re

from hypothesis import given, settings
from hypothesis import strategies as st

from oo.features.nats_online_store import document_key

identifiers = st.text(min_size=1, max_size=256)


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(identifiers, identifiers)
def test_a_key_is_made_of_what_a_bucket_takes_and_fits_a_subject(tenant: str, user: str) -> None:
    key = document_key(tenant, user)
    assert re.fullmatch(r"[-_=a-zA-Z0-9]+\.[-_a-zA-Z0-9]+", key)
    assert len(key) < 3000


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(st.tuples(identifiers, identifiers), st.tuples(identifiers, identifiers))
def test_two_people_never_share_a_key(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (document_key(*one) == document_key(*other)) == (one == other)


def test_a_plain_tenant_can_be_read_in_its_keys() -> None:
    assert document_key("example", "ada").startswith("example.")
