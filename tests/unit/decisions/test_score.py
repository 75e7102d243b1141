import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from pydantic import TypeAdapter, ValidationError

from oo.bus.routing import subject_of
from oo.catalog import Catalog
from oo.decisions.champions import Champions
from oo.decisions.decision_log import MemoryDecisionLog
from oo.decisions.faults import Faults
from oo.decisions.policy_states import PolicyStates, state_key
from oo.decisions.recording import Recorder
from oo.decisions.replay import replay
from oo.decisions.score import Scorer, ScoreRequest
from oo.decisions.signals import SignalReader
from oo.decisions.splits import Split, split_key
from oo.errors import DecisionConflict, InvalidFeature, RehearsedFault, UnknownTenant
from oo.events.decision import ScoreDecided, ServingRole
from oo.features.memory_online_store import MemoryOnlineStore
from oo.features.profile_schema import FEATURE_OF
from oo.features.user_state import UserState
from oo.registry.history import Subject
from oo.registry.memory_registry import MemoryRegistry
from oo.training.prior import bootstrap

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CATALOG = Catalog.model_validate(
    {
        "feature_services": [
            {
                "name": "tiny@1",
                "model": "tiny",
                "columns": [
                    {"source": "signal", "name": "sessions_7d", "type": "number"},
                    {"source": "candidate", "name": "minutes", "type": "number"},
                ],
            }
        ],
        "tenants": [
            {
                "name": "greedy",
                "feature_service": "tiny@1",
                "policy": {"name": "epsilon_greedy", "version": "1", "epsilon": 0.1},
                "candidates": [{"name": "uniform", "version": "2"}],
            },
            {
                "name": "experimenting",
                "feature_service": "tiny@1",
                "policy": {"name": "uniform", "version": "1"},
                "candidates": [{"name": "uniform", "version": "2"}],
                "experiment": {
                    "name": "first",
                    "variants": [
                        {"name": side, "share": 0.5, "policy": {"name": "uniform", "version": "1"}}
                        for side in ("a", "b")
                    ],
                },
            },
            {"name": "counting", "feature_service": "tiny@1", "policy": {"name": "thompson", "version": "1"}},
        ],
    }
)
REQUEST = ScoreRequest.model_validate(
    {
        "request_id": "0198f000-0000-7000-8000-000000000001",
        "tenant_id": "greedy",
        "user_id": "ada",
        "candidates": [{"tip_id": tip, "features": {"minutes": 5}} for tip in ("walk", "rest", "call")],
        "profile_features": {"completion_rate": 0.5},
        "context": {"hour_of_day": 9},
    }
)


class SlowOnlineStore(MemoryOnlineStore):
    async def get(self, tenant: str, user: str) -> UserState | None:
        await asyncio.sleep(60)
        return await super().get(tenant, user)


def _scorer(
    log: MemoryDecisionLog, *, champion: bool = True, store: MemoryOnlineStore | None = None, budget: float = 1.0
) -> Scorer:
    registry = MemoryRegistry()
    champions = Champions(registry, CATALOG)
    if champion:
        bootstrap(registry, CATALOG.service("tiny@1"))
        champions.refresh()
    return Scorer(
        catalog=CATALOG,
        signals=SignalReader(store or MemoryOnlineStore(), budget),
        champions=champions,
        policy_states=PolicyStates(),
        recorder=Recorder(log, "score"),
        role=ServingRole.STABLE,
        now=lambda: NOW,
        new_id=lambda: UUID(int=7),
    )


def _rolled_out(scorer: Scorer, split: Split) -> Scorer:
    scorer.splits.put(split_key(split.subject), TypeAdapter(Split).dump_json(split))
    return scorer


@pytest.fixture
def log() -> MemoryDecisionLog:
    return MemoryDecisionLog()


@pytest.fixture
def scorer(log: MemoryDecisionLog) -> Scorer:
    return _scorer(log)


def _recorded(log: MemoryDecisionLog) -> ScoreDecided:
    (envelope,) = log.recorded.values()
    assert envelope.score_decided is not None
    return envelope.score_decided


async def test_the_answer_is_what_was_recorded(scorer: Scorer, log: MemoryDecisionLog) -> None:
    answer = await scorer.decide(REQUEST)
    recorded = _recorded(log)
    assert answer.decision_id == recorded.decision_id == REQUEST.request_id
    assert answer.tip_id == recorded.tip_id
    assert answer.propensity == recorded.propensity
    assert {a.tip_id: a.probability for a in answer.ranking}[answer.tip_id] == answer.propensity
    assert sum(a.probability for a in answer.ranking) == pytest.approx(1, abs=1e-9)
    assert recorded.context == REQUEST.context
    assert recorded.profile_features == dict.fromkeys(FEATURE_OF) | {"completion_rate": 0.5}
    assert [(c.tip_id, c.features) for c in recorded.candidates] == [(c.tip_id, c.features) for c in REQUEST.candidates]
    assert answer.degraded == ()
    assert answer.model is not None
    assert answer.model.name == "tiny"


async def test_a_recorded_decision_survives_the_wire_and_its_replay_is_equal_to_the_bit(
    scorer: Scorer, log: MemoryDecisionLog
) -> None:
    for number in range(50):
        await scorer.decide(REQUEST.model_copy(update={"request_id": str(UUID(int=number + 1))}))
    for envelope in log.recorded.values():
        decided = type(envelope).model_validate_json(envelope.to_json()).score_decided
        assert decided is not None
        model = scorer.champions.of(CATALOG.service("tiny@1")).model
        assert replay("greedy", decided, CATALOG, model).equals(decided)


async def test_a_retry_gets_the_first_answer_even_when_the_policy_has_learned_since(log: MemoryDecisionLog) -> None:
    scorer = _scorer(log)
    request = REQUEST.model_copy(update={"tenant_id": "counting"})
    first = await scorer.decide(request)
    scorer.policy_states.put(state_key("counting", "thompson", "1"), b'{"call": [1000, 999]}')
    assert await scorer.decide(request) == first
    later = await scorer.decide(request.model_copy(update={"request_id": str(UUID(int=9))}))
    assert max(later.ranking, key=lambda arm: arm.probability).tip_id == "call"


async def test_a_rollout_puts_its_policies_in_the_place_of_the_catalogs(log: MemoryDecisionLog) -> None:
    split = Split(Subject(kind="policy", name="greedy"), "epsilon_greedy@1", "uniform@2", percent=50)
    scorer = _rolled_out(_scorer(log), split)
    for number in range(200):
        await scorer.decide(REQUEST.model_copy(update={"request_id": str(UUID(int=number))}))
    decisions = [envelope.score_decided for envelope in log.recorded.values()]
    made_by = {
        decided.decision_id: f"{decided.policy.name}@{decided.policy.version}" for decided in decisions if decided
    }
    assert made_by == {decision: split.version_for(decision) for decision in made_by}
    assert set(made_by.values()) == {"epsilon_greedy@1", "uniform@2"}
    model = scorer.champions.of(CATALOG.service("tiny@1")).model
    assert all(replay("greedy", decided, CATALOG, model).equals(decided) for decided in decisions if decided)


async def test_a_tenant_with_an_experiment_keeps_it(scorer: Scorer) -> None:
    _rolled_out(scorer, Split(Subject(kind="policy", name="experimenting"), "uniform@2"))
    answer = await scorer.decide(REQUEST.model_copy(update={"tenant_id": "experimenting"}))
    assert (answer.policy.version, answer.experiment is None) == ("1", False)


async def test_a_version_that_the_catalog_has_not_is_counted_and_the_catalogs_own_decides(scorer: Scorer) -> None:
    _rolled_out(scorer, Split(Subject(kind="policy", name="greedy"), "uniform@3"))
    answer = await scorer.decide(REQUEST)
    assert (answer.policy.name, answer.policy.version) == ("epsilon_greedy", "1")
    labels = {"kind": "policy", "version": "uniform@3"}
    assert REGISTRY.get_sample_value("oo_rollout_unserved_total", labels) == 1


async def test_the_order_of_the_candidates_does_not_matter(log: MemoryDecisionLog) -> None:
    turned = REQUEST.model_copy(update={"candidates": REQUEST.candidates[::-1]})
    assert (await _scorer(log).decide(REQUEST)).tip_id == (await _scorer(MemoryDecisionLog()).decide(turned)).tip_id


@pytest.mark.parametrize(
    "other",
    [
        {"user_id": "noor"},
        {"candidates": REQUEST.candidates[:2]},
    ],
)
async def test_a_request_id_that_names_another_question_is_refused(scorer: Scorer, other: dict[str, object]) -> None:
    await scorer.decide(REQUEST)
    with pytest.raises(DecisionConflict, match="request_id"):
        await scorer.decide(REQUEST.model_copy(update=other))


async def test_the_same_request_id_of_another_tenant_is_another_decision(
    scorer: Scorer, log: MemoryDecisionLog
) -> None:
    await scorer.decide(REQUEST)
    await scorer.decide(REQUEST.model_copy(update={"tenant_id": "counting"}))
    assert len(log.recorded) == 2


async def test_without_a_model_the_choice_is_uniform_and_says_so(log: MemoryDecisionLog) -> None:
    answer = await _scorer(log, champion=False).decide(REQUEST)
    assert answer.degraded == ("model",)
    assert answer.model is None
    assert [arm.probability for arm in answer.ranking] == pytest.approx([1 / 3] * 3)
    assert (answer.policy.name, answer.policy.version) == ("uniform", "fallback")


async def test_a_slow_online_store_costs_the_signals_and_not_the_answer(log: MemoryDecisionLog) -> None:
    answer = await _scorer(log, store=SlowOnlineStore(), budget=0.01).decide(REQUEST)
    assert answer.degraded == ("online_store",)
    assert _recorded(log).signal_features is None


async def test_an_answer_that_could_not_be_logged_goes_out_and_says_so(scorer: Scorer, log: MemoryDecisionLog) -> None:
    log.available = False
    answer = await scorer.decide(REQUEST)
    assert answer.degraded == ("decision_log",)


async def test_a_shadow_writes_below_its_own_subject(log: MemoryDecisionLog) -> None:
    await replace(_scorer(log), role=ServingRole.SHADOW).decide(REQUEST)
    (envelope,) = log.recorded.values()
    assert subject_of(envelope) == "decisions.shadow.score"


async def test_a_rehearsed_delay_is_in_the_recorded_latency_where_a_rollout_looks(
    scorer: Scorer, log: MemoryDecisionLog
) -> None:
    await replace(scorer, faults=Faults(delay_seconds=0.05)).decide(REQUEST)
    assert (_recorded(log).latency or timedelta(0)) >= timedelta(milliseconds=50)


async def test_a_rehearsed_error_leaves_no_record(scorer: Scorer, log: MemoryDecisionLog) -> None:
    with pytest.raises(RehearsedFault, match="OO_FAULT_ERRORS_PERCENT"):
        await replace(scorer, faults=Faults(errors_percent=100)).decide(REQUEST)
    assert not log.recorded


async def test_an_unknown_tenant_is_refused(scorer: Scorer) -> None:
    with pytest.raises(UnknownTenant, match="nobody"):
        await scorer.decide(REQUEST.model_copy(update={"tenant_id": "nobody"}))


async def test_a_feature_of_the_wrong_type_is_refused_by_name(scorer: Scorer, log: MemoryDecisionLog) -> None:
    request = ScoreRequest.model_validate(
        {
            "tenant_id": "greedy",
            "user_id": "ada",
            "candidates": [{"tip_id": "walk", "features": {"minutes": "many"}}],
        }
    )
    with pytest.raises(InvalidFeature, match="minutes"):
        await scorer.decide(request)
    assert not log.recorded


async def test_a_profile_feature_of_the_wrong_type_is_refused_though_no_column_reads_it(
    scorer: Scorer, log: MemoryDecisionLog
) -> None:
    with pytest.raises(InvalidFeature, match="'streak_days' must be int64"):
        await scorer.decide(REQUEST.model_copy(update={"profile_features": {"streak_days": "three"}}))
    assert not log.recorded


async def test_without_a_profile_the_record_has_none(scorer: Scorer, log: MemoryDecisionLog) -> None:
    await scorer.decide(REQUEST.model_copy(update={"profile_features": None}))
    assert _recorded(log).profile_features is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"candidates": []}, "candidates"),
        ({"candidates": [{"tip_id": "walk"}, {"tip_id": "walk"}]}, "candidates"),
        ({"tenant_id": ""}, "tenant_id"),
        ({"user_id": None}, "user_id"),
        ({"candidates": [{"tip_id": "walk", "features": {"minutes": float("inf")}}]}, "candidates"),
        ({"profile_features": {"age": float("nan")}}, "profile_features"),
    ],
)
def test_a_malformed_request_is_refused_at_its_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ScoreRequest.model_validate(REQUEST.model_dump() | change)
    assert refused.value.errors()[0]["loc"][0] == field
