from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

from oo.offline.store import OfflineStore
from oo.rewards.database import connect
from oo.training.assembly import Sources, build
from oo.training.dataset import Manifest
from oo.training.pinned_rewards import pinned_rewards
from oo.training.steps.catalogs import catalog_of

LATEST = -1


def assemble(  # noqa: PLR0913  # a pipeline's arguments are plain values
    *,
    catalog: str,
    feature_service: str,
    offline_store: str,
    tip_scores_url: str,
    as_of: str,
    table_version: int,
    dataset: Path,
) -> Manifest:
    """Write the dataset of a feature service into the folder `dataset`.

    Args:
        catalog: catalog files, separated by commas.
        feature_service: such as "tips@1".
        offline_store: the Delta table's address.
        tip_scores_url: the reward join's database, as SQLAlchemy writes it; a pinned version brings its own rewards.
        as_of: ISO 8601 with an offset; nothing later is used.
        table_version: the offline store's version that alone decides what is learned, or `LATEST`.
        dataset: the folder to write.
    """
    declared, store = catalog_of(catalog), OfflineStore(offline_store)
    pinned = table_version != LATEST
    rewards = pinned_rewards(store, declared, table_version) if pinned else nullcontext(connect(tip_scores_url))
    with rewards as engine:
        built = build(
            Sources(store, engine, declared),
            declared.service(feature_service),
            as_of=datetime.fromisoformat(as_of),
            version=table_version if pinned else None,
        )
    built.save(dataset)
    return built.manifest
