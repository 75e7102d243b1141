from datetime import datetime
from pathlib import Path

from oo.offline.store import OfflineStore
from oo.rewards.database import connect
from oo.training.assembly import Sources, build
from oo.training.dataset import Manifest
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
        tip_scores_url: the reward join's database, as SQLAlchemy writes it.
        as_of: ISO 8601 with an offset; nothing later is used.
        table_version: the offline store's version to read, or `LATEST`.
        dataset: the folder to write.
    """
    declared = catalog_of(catalog)
    built = build(
        Sources(OfflineStore(offline_store), connect(tip_scores_url), declared),
        declared.service(feature_service),
        as_of=datetime.fromisoformat(as_of),
        version=None if table_version == LATEST else table_version,
    )
    built.save(dataset)
    return built.manifest
