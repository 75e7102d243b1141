from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from oo import catalog as catalogs
from oo.bus.streams import FEATURES_BUCKET, POLICY_STATE_BUCKET, TRAFFIC_BUCKET
from oo.collector import collecting_between_steps
from oo.decisions.champions import Champions
from oo.decisions.decision_log import JetStreamDecisionLog
from oo.decisions.faults import Faults
from oo.decisions.policy_states import PolicyStates
from oo.decisions.recording import Recorder
from oo.decisions.score import Scorer
from oo.decisions.signals import SignalReader
from oo.decisions.splits import Splits
from oo.features.nats_online_store import NatsOnlineStore
from oo.registry.baked_registry import BakedRegistry
from oo.registry.registry import Registry
from oo.running import Running, start, stop
from oo.settings import ScorerSettings
from oo.wiring.process import new_id, now, on_the_bus


@asynccontextmanager
async def scorer(settings: ScorerSettings) -> AsyncIterator[Running[Scorer]]:
    """The scorer, with champions, policy states and splits followed in the background."""
    catalog = catalogs.load(settings.catalog)
    async with on_the_bus(settings, "oo-scorer") as jetstream:
        champions = Champions(registry_of(settings), catalog, settings.serving_role)
        policy_states, splits = PolicyStates(), Splits()
        deciding = Scorer(
            catalog=catalog,
            signals=SignalReader(
                NatsOnlineStore(await jetstream.key_value(FEATURES_BUCKET), Random()),  # noqa: S311  # spreads retries
                settings.online_store_timeout,
            ),
            champions=champions,
            policy_states=policy_states,
            recorder=Recorder(JetStreamDecisionLog(jetstream, settings.decision_log_timeout), "score"),
            role=settings.serving_role,
            now=now,
            new_id=new_id,
            splits=splits,
            faults=Faults(settings.fault_errors_percent, settings.fault_delay_seconds),
        )
        tasks = start(
            {
                "champions": champions.follow(settings.registry_poll_seconds),
                "policy states": policy_states.follow(await jetstream.key_value(POLICY_STATE_BUCKET)),
                "splits": splits.follow(await jetstream.key_value(TRAFFIC_BUCKET)),
            }
        )
        try:
            with collecting_between_steps():
                yield Running(deciding, tasks, lambda: champions.complete and splits.complete)
        finally:
            await stop(tasks)


def registry_of(settings: ScorerSettings) -> Registry:
    """The baked champions where the settings name their folder, else MLflow's registry.

    Raises:
        InvalidSettings: the folder holds no baked models.
    """
    if settings.models is not None:
        return BakedRegistry(settings.models)
    # Imported here: it takes two seconds, which baked champions need not wait.
    from oo.registry.mlflow_registry import MlflowRegistry  # noqa: PLC0415

    return MlflowRegistry(settings.mlflow_url)
