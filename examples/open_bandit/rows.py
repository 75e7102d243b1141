"""The Open Bandit Dataset's random log, campaign "men": 10,000 real choices among 34 items with their clicks.

Source: Saito, Aihara, Matsutani, Narita, "Open Bandit Dataset and Pipeline", arXiv:2008.07146. Notice: data/README.md.
"""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

TENANT = "open_bandit"
DATA = Path(__file__).parent / "data" / "random"


@dataclass(frozen=True, slots=True)
class LoggedChoice:
    """One row of the log. The log names no people, so each row is a visitor of its own."""

    request_id: str
    user_id: str
    context: dict[str, str]
    candidates: tuple[dict[str, object], ...]
    tip_id: str
    """The item that the random policy showed."""
    propensity: float
    """The probability with which it was shown."""
    clicked: bool


def items() -> tuple[dict[str, object], ...]:
    """The features of each item, by its number."""
    with (DATA / "item_context.csv").open(newline="") as file:
        return tuple(
            {
                "item_feature_0": float(row["item_feature_0"]),
                **{name: row[name] for name in ("item_feature_1", "item_feature_2", "item_feature_3")},
            }
            for row in csv.DictReader(file)
        )


def choices() -> Iterator[LoggedChoice]:
    """The log in its order."""
    catalogue = items()
    with gzip.open(DATA / "men.csv.gz", "rt", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            yield LoggedChoice(
                request_id=str(uuid5(NAMESPACE_OID, f"open-bandit/{number}")),
                user_id=f"row-{number:05d}",
                context={name: row[name] for name in (f"user_feature_{k}" for k in range(4))},
                candidates=tuple(
                    {
                        "tip_id": f"item-{item:02d}",
                        "features": {**features, "affinity": float(row[f"user-item_affinity_{item}"])},
                    }
                    for item, features in enumerate(catalogue)
                ),
                tip_id=f"item-{int(row['item_id']):02d}",
                propensity=float(row["propensity_score"]),
                clicked=row["click"] == "1",
            )
