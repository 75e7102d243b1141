from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, delete, select

from oo.errors import UnknownTenant
from oo.events.decision import ServingRole
from oo.events.envelope import Envelope
from oo.events.feedback import ReactionKind
from oo.rewards.database import connect
from oo.rewards.join import apply
from oo.rewards.policy_states import PolicyKey
from oo.rewards.tables import metadata, tip_feedback, tip_scores
from tests.envelopes import envelope
from tests.unit.rewards.feedback_events import WINDOW, at, exposed, generated, reacted, scored, window_of

CLICKED, DISMISSED = ReactionKind.CLICKED, ReactionKind.DISMISSED
POLICY = PolicyKey("t1", "epsilon_greedy", "1")

# Everything that can go wrong at once: late, twice, another tip, another tenant, no decision, a second record.
STORY: tuple[Envelope, ...] = (
    scored("d1", "walk"),
    scored("d1", "breathe", minutes=3),
    exposed("d1", "walk", minutes=1),
    exposed("d1", "walk", minutes=30),
    exposed("d1", "breathe", minutes=4),
    reacted(DISMISSED, "d1", "walk", minutes=5),
    reacted(CLICKED, "d1", "walk", minutes=6),
    reacted(CLICKED, "d1", "breathe", minutes=2),
    scored("d1", "walk", tenant="t2"),
    exposed("d1", "walk", tenant="t2"),
    scored("d2", "breathe"),
    exposed("d2", "breathe", minutes=0),
    reacted(CLICKED, "d2", "breathe", minutes=61),
    reacted(CLICKED, "d3", "walk"),
    generated("d4"),
    exposed("d4", "generated-1"),
)


def tables(engine: Engine) -> list[list[tuple[Any, ...]]]:
    with engine.connect() as connection:
        return [
            [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        ]


def score_row(engine: Engine, decision_id: str = "d1", tenant: str = "t1") -> dict[str, Any]:
    statement = select(tip_scores).where(tip_scores.c.decision_id == decision_id, tip_scores.c.tenant_id == tenant)
    with engine.connect() as connection:
        return dict(connection.execute(statement).mappings().one())


def feedback_rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return len(connection.execute(select(tip_feedback)).all())


def test_a_decision_its_exposure_and_its_reaction_become_one_row(engine: Engine) -> None:
    apply(engine, [scored(), exposed(minutes=1), reacted(CLICKED, minutes=2)], window_of)

    assert score_row(engine) == {
        "tenant_id": "t1",
        "decision_id": "d1",
        "kind": "score",
        "user_id": "ada",
        "tip_id": "walk",
        "propensity": 1.0,
        "policy": "epsilon_greedy",
        "policy_version": "1",
        "model": "tips",
        "model_version": "3",
        "prompt_version": None,
        "feature_service": "tips@1",
        "experiment": "first",
        "variant": "greedy",
        "degraded": None,
        "serving_role": "SERVING_ROLE_STABLE",
        "decided_at": at(0),
        "window_seconds": WINDOW.total_seconds(),
        "exposed_at": at(1),
        "closes_at": at(61),
        "reacted_at": at(2),
        "reaction": "REACTION_KIND_CLICKED",
        "late": False,
    }


def test_a_written_tip_has_a_prompt_version_and_no_propensity(engine: Engine) -> None:
    apply(engine, [generated(degraded=("template", "no_signal_features")), exposed(tip_id="generated-1")], window_of)

    row = score_row(engine)
    assert (row["kind"], row["prompt_version"], row["exposed_at"]) == ("generate", "v1", at(1))
    assert (row["model"], row["model_version"]) == ("a-language-model", None)
    assert row["degraded"] == "template,no_signal_features"
    assert row["propensity"] is row["policy"] is row["feature_service"] is None
    assert (row["experiment"], row["variant"]) == ("prompts", "short")


def test_a_written_tip_that_was_chosen_has_the_prompt_version_that_wrote_it(engine: Engine) -> None:
    apply(engine, [scored(tip_id="breathe"), scored(decision_id="another", tip_id="walk")], window_of)

    assert score_row(engine)["prompt_version"] == "v2"
    assert score_row(engine, "another")["prompt_version"] is None


def test_an_alternative_that_was_never_shown_earns_nothing(engine: Engine) -> None:
    apply(engine, [generated(), exposed(tip_id="generated-2"), reacted(CLICKED, tip_id="generated-2")], window_of)

    row = score_row(engine)
    assert (row["tip_id"], row["exposed_at"], row["reaction"]) == ("generated-1", None, None)


def test_feedback_before_its_decision_joins_when_the_decision_comes(engine: Engine) -> None:
    apply(engine, [reacted(CLICKED), exposed()], window_of)
    apply(engine, [scored()], window_of)

    assert score_row(engine)["reaction"] == CLICKED
    assert score_row(engine)["exposed_at"] == at(1)


def test_feedback_for_another_tip_never_joins(engine: Engine) -> None:
    apply(engine, [scored(tip_id="walk"), exposed(tip_id="breathe"), reacted(CLICKED, tip_id="breathe")], window_of)

    assert score_row(engine)["exposed_at"] is None
    assert score_row(engine)["reaction"] is None


def test_the_same_decision_id_in_two_tenants_stays_apart(engine: Engine) -> None:
    apply(engine, [scored(tenant="t1"), scored(tenant="t2"), exposed(tenant="t2")], window_of)

    assert score_row(engine, tenant="t1")["exposed_at"] is None
    assert score_row(engine, tenant="t2")["exposed_at"] == at(1)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_records_with_one_id_the_first_decided_stands(engine: Engine, order: Sequence[int]) -> None:
    records = scored(tip_id="walk", minutes=0), scored(tip_id="breathe", minutes=5)
    apply(engine, [exposed(tip_id="breathe", minutes=6)], window_of)

    for index in order:
        apply(engine, [records[index]], window_of)

    assert score_row(engine)["tip_id"] == "walk"
    assert score_row(engine)["exposed_at"] is None


def test_of_two_records_of_one_moment_the_same_stands_in_any_order(engine: Engine) -> None:
    pairs = [
        (scored("tips", "walk"), scored("tips", "breathe")),
        (scored("services", "walk"), generated("services", "walk")),
        (scored("chances", propensity=0.25), scored("chances", propensity=0.75)),
        (scored("models"), scored("models", model=None)),
    ]
    for first, second in pairs:
        apply(engine, [first], window_of)
        apply(engine, [second], window_of)
    once = tables(engine)
    with engine.begin() as connection:
        connection.execute(delete(tip_scores))

    for first, second in pairs:
        apply(engine, [second], window_of)
        apply(engine, [first], window_of)

    assert tables(engine) == once
    assert len(pairs) == len(once[1])


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/New_York"])
@pytest.mark.parametrize(
    "moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)], ids=["first", "last"]
)
def test_the_ends_of_time_are_joined_whatever_zone_the_server_has(
    database_url: str, monkeypatch: pytest.MonkeyPatch, zone: str, moment: datetime
) -> None:
    monkeypatch.setenv("PGTZ", zone)
    engine = connect(database_url)
    shown = exposed().model_copy(update={"occurred_at": moment})

    apply(engine, [scored(), shown], window_of)

    assert score_row(engine)["exposed_at"] == moment
    engine.dispose()


def test_a_shadow_decision_and_a_signal_leave_nothing(engine: Engine) -> None:
    touched = apply(engine, [scored(serving_role=ServingRole.SHADOW), envelope("session_started")], window_of)

    assert tables(engine) == [[], []]
    assert touched == frozenset()


def test_a_canary_decision_is_kept_as_one(engine: Engine) -> None:
    apply(engine, [scored(serving_role=ServingRole.CANARY)], window_of)

    assert score_row(engine)["serving_role"] == "SERVING_ROLE_CANARY"


def test_a_row_keeps_the_window_under_which_it_was_joined(engine: Engine) -> None:
    apply(engine, [scored()], window_of)
    apply(engine, [scored(), exposed(minutes=0)], lambda _: timedelta(days=9))

    assert score_row(engine)["closes_at"] == at(60)


def test_an_unknown_tenant_leaves_the_tables_as_they_were(engine: Engine) -> None:
    def unknown(tenant_id: str) -> timedelta:
        raise UnknownTenant(tenant_id)

    with pytest.raises(UnknownTenant):
        apply(engine, [exposed(), scored()], unknown)

    assert feedback_rows(engine) == 0


def test_a_join_tells_the_policies_whose_exposures_it_spoke_of(engine: Engine) -> None:
    assert apply(engine, [scored()], window_of) == frozenset()
    assert apply(engine, [exposed()], window_of) == {POLICY}
    assert apply(engine, [generated("d2"), exposed("d2", "generated-1")], window_of) == frozenset()


def test_a_repeated_batch_tells_its_policies_again(engine: Engine) -> None:
    batch = [scored(), exposed(), reacted(CLICKED)]

    assert apply(engine, batch, window_of) == apply(engine, batch, window_of) == {POLICY}


def test_a_degraded_decision_touches_no_policy(engine: Engine) -> None:
    assert apply(engine, [scored(degraded=("no_model",)), exposed()], window_of) == frozenset()


@cache
def tables_in_order() -> list[list[tuple[Any, ...]]]:
    engine = connect("sqlite://")
    apply(engine, STORY, window_of)
    told = tables(engine)
    engine.dispose()
    return told


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from(STORY), max_size=10).map(lambda again: [*STORY, *again]).flatmap(st.permutations),
    st.integers(1, 12),
)
def test_any_order_and_repetition_of_the_same_events_gives_the_same_tables(events: list[Envelope], size: int) -> None:
    engine = connect("sqlite://")

    for start in range(0, len(events), size):
        apply(engine, events[start : start + size], window_of)

    assert tables(engine) == tables_in_order()
    engine.dispose()


def test_two_processes_that_share_the_events_miss_no_join(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'scores.db'}"
    ids = [f"d{number}" for number in range(30)]
    halves = [scored(i) for i in ids], [exposed(i) for i in ids]

    def work(events: list[Envelope]) -> None:
        engine = connect(url)
        for event in events:
            apply(engine, [event], window_of)
        engine.dispose()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, halves))

    engine = create_engine(url)
    with engine.connect() as connection:
        exposures = connection.execute(select(tip_scores.c.exposed_at)).scalars().all()
    engine.dispose()
    assert exposures == [at(1)] * len(ids)
