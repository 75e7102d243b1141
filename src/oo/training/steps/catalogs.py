from pathlib import Path

from oo.catalog import Catalog, load


def catalog_of(paths: str) -> Catalog:
    """The catalog in these files, separated by commas.

    Raises:
        InvalidCatalog: a file is missing or contradicts itself or another one.
    """
    return load(Path(path) for path in paths.split(","))
