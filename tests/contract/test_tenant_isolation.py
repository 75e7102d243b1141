"""What is one tenant's never meets another's: in no key, account, subject or id, and through no caller."""

from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from oo.access.callers import CallersFile
from oo.bus import tombstones
from oo.catalog import Tenant
from oo.decisions.identity import event_id
from oo.decisions.policy_states import state_key
from oo.decisions.splits import split_key
from oo.errors import TenantNotAllowed
from oo.events.decision import ServingRole
from oo.features import nats_online_store
from oo.llm import nats_ledger
from oo.registry.history import Subject
from oo.writing import nats_tip_cache

ORDINARY = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Half of them out of what has a meaning somewhere: in subjects, in keys, in accounts and paths.
NAMES = st.one_of(
    st.text("ab.*>/=-_ A1%é", min_size=1, max_size=6), st.text(min_size=1, max_size=256).filter(lambda s: "\0" not in s)
)
PEOPLE = st.tuples(NAMES, NAMES)
TENANTS = st.from_regex(r"[a-z0-9_]{1,12}", fullmatch=True)
"""What a catalog takes for the name of a tenant."""
DAY = date(2026, 11, 20)
PROMPTS = st.sampled_from(["ab" * 32, "cd" * 32])
DECISION = UUID("0198f000-0000-7000-8000-000000000001")


@ORDINARY
@given(PEOPLE, PEOPLE)
@example(("a", "bc"), ("ab", "c"))
@example(("a", "b.c"), ("a.b", "c"))
@example(("a", "=Yg=="), ("=YQ==", "b"))
@example(("a/b", "c"), ("a", "b/c"))
def test_no_two_people_share_a_document_or_a_tombstone(one: tuple[str, str], other: tuple[str, str]) -> None:
    keys = [nats_online_store.document_key(*person) for person in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)
    assert (tombstones.Person(*one).key == tombstones.Person(*other).key) == (one == other)
    # Whatever is read, purged or permitted as `<tenant>.*` is that tenant's.
    assert all(key.count(".") == 1 and not set(key) & set("*> ") for key in keys)
    assert (keys[0].split(".")[0] == keys[1].split(".")[0]) == (one[0] == other[0])


@ORDINARY
@given(PEOPLE, PROMPTS, PEOPLE, PROMPTS)
@example(("a", "bc"), "ab" * 32, ("ab", "c"), "ab" * 32)
@example(("a", "b.c"), "ab" * 32, ("a.b", "c"), "ab" * 32)
def test_no_two_people_share_kept_tips(one: tuple[str, str], prompt: str, other: tuple[str, str], another: str) -> None:
    same = nats_tip_cache.tips_key(*one, prompt) == nats_tip_cache.tips_key(*other, another)
    assert same == ((one, prompt) == (other, another))


@ORDINARY
@given(TENANTS, TENANTS, st.sampled_from(["", "/shadow"]), st.sampled_from(["", "/shadow"]))
def test_no_two_tenants_share_a_budget(one: str, other: str, kind: str, another: str) -> None:
    same = nats_ledger.document_key(one + kind, DAY) == nats_ledger.document_key(other + another, DAY)
    assert same == ((one, kind) == (other, another))


@ORDINARY
@given(TENANTS, TENANTS)
def test_no_two_tenants_share_a_split_or_what_a_policy_learned(one: str, other: str) -> None:
    splits = [split_key(Subject(kind="policy", name=name)) for name in (one, other)]
    assert (splits[0] == splits[1]) == (one == other)
    assert (state_key(one, "thompson", "1") == state_key(other, "thompson", "1")) == (one == other)


@ORDINARY
@given(NAMES, NAMES, st.sampled_from(ServingRole), st.sampled_from(ServingRole))
@example("a", "a/served", ServingRole.STABLE, ServingRole.STABLE)
def test_one_request_id_in_two_tenants_names_two_decisions(
    one: str, other: str, role: ServingRole, another: ServingRole
) -> None:
    if one != other:
        assert event_id(DECISION, one, role, "score") != event_id(DECISION, other, another, "score")


@pytest.mark.parametrize("name", ["a/shadow", "a.b", "a b", "A", "a*", "", "a\n", "é"])
def test_a_catalog_takes_no_tenant_whose_name_could_mean_something_else(name: str) -> None:
    entry = {"feature_service": "tips@1", "policy": {"name": "uniform", "version": "1"}}
    assert Tenant.model_validate({"name": "a"} | entry)
    with pytest.raises(ValidationError, match="name"):
        Tenant.model_validate({"name": name} | entry)


@ORDINARY
@given(allowed=st.sets(TENANTS, min_size=1, max_size=3), asked=NAMES | TENANTS)
@example(allowed={"a"}, asked="A")
@example(allowed={"a"}, asked="a ")
@example(allowed={"a"}, asked="ab")
def test_a_caller_of_some_tenants_never_gets_another(tmp_path: Path, allowed: set[str], asked: str) -> None:
    path, token = tmp_path / "callers.yaml", "x" * 32
    path.write_text(f"reporting: {{tokens: {token}, tenants: [{', '.join(map(repr, sorted(allowed)))}]}}")
    caller = CallersFile(path).of(f"Bearer {token}")
    for tenant in allowed:
        caller.check(tenant)
    if asked not in allowed:
        with pytest.raises(TenantNotAllowed):
            caller.check(asked)
