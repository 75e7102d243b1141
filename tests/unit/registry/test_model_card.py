from pathlib import Path

from oo.registry import model_card
from oo.registry.registry import ModelVersion

MANIFEST = {
    "dataset": {
        "rows": 900,
        "excluded": {"never_exposed": 7, "degraded": 2},
        "first_decided_at": "2026-11-01",
        "last_decided_at": "2026-11-20",
        "tenants": ["app", "web"],
        "as_of": "2026-11-21",
        "table_version": 12,
        "rows_sha256": "a" * 64,
        "skew": {"checked": 40, "differing": 1},
    },
    "fit": {
        "recipe": "boosting",
        "log_loss": {"boosting": 0.41, "forest": 0.44},
        "parity_difference": 2e-7,
        "parity_rows": 3_600,
        "seed": 5,
    },
}


def facts(version: int = 3) -> str:
    return model_card.facts(
        ModelVersion("tips", version, "d" * 64, "tips@1", "f" * 64), MANIFEST, ["pass: It is better."]
    )


def test_the_facts_name_the_model_its_rows_and_its_verdict() -> None:
    card = facts()
    for fact in (
        "tips 3",
        "d" * 64,
        "7 never exposed, 2 degraded",
        "1 of 40",
        "boosting 0.4100",
        "pass: It is better.",
    ):
        assert fact in card


def test_a_new_card_leaves_room_for_people() -> None:
    card = model_card.render("tips", facts())
    assert card.startswith("# tips\n")
    assert card.index(model_card.END) < card.index("## Intended use")


def test_what_people_wrote_stays_when_the_facts_are_renewed(tmp_path: Path) -> None:
    path = tmp_path / "model_cards" / "tips.md"
    model_card.write(path, "tips", facts())
    path.write_text("Before.\n" + path.read_text().replace("To be written by", "For adults, say"))
    model_card.write(path, "tips", facts(version=4))
    card = path.read_text()
    assert card.startswith("Before.\n# tips\n")
    assert "For adults, say" in card
    assert "tips 4" in card
    assert "tips 3" not in card
    assert card.count(model_card.BEGIN) == 1


def test_a_card_without_markers_gets_the_facts_at_its_end() -> None:
    card = model_card.render("tips", facts(), existing="# My card\n")
    assert card.startswith("# My card\n")
    assert card.endswith(f"{model_card.END}\n")


def test_the_facts_of_a_card_are_read_back() -> None:
    assert model_card.facts_of(model_card.render("tips", facts())) == facts()
