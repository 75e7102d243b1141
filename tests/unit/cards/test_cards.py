import json
from pathlib import Path

import jsonschema_rs
import pytest

from oo import catalog as catalogs
from oo.cards.card import BEGIN, END, SECTIONS, Card
from oo.cards.facts import Check, ModelFacts, schema
from oo.cards.models import model_facts
from oo.cards.shelf import SCHEMA, Shelf, declared
from oo.errors import InvalidCard
from oo.local.settings import PROJECT_DIR, StackSettings
from oo.prompts.library import PromptLibrary
from oo.registry.registry import ModelVersion

CARDS = Shelf(PROJECT_DIR / "model_cards")
CATALOG = catalogs.load(PROJECT_DIR / path for path in StackSettings().catalog.split(","))
DECLARED = declared(CATALOG, PromptLibrary.load())
MANIFEST = {
    "dataset": {
        "rows": 900,
        "excluded": {"never_exposed": 7, "degraded": 2},
        "first_decided_at": "2026-11-01",
        "last_decided_at": "2026-11-20",
        "as_of": "2026-11-21",
        "table_version": 12,
        "rows_sha256": "a" * 64,
    },
    "fit": {
        "recipe": "boosting",
        "parameters": {"depth": 3},
        "searched_rows": 675,
        "log_loss": {"boosting": 0.31},
        "calibration": {"method": "none"},
        "parity_difference": 2e-7,
        "parity_rows": 3_600,
        "seed": 5,
    },
}


def facts(version: int = 3) -> ModelFacts:
    service = CATALOG.service("tips@1")
    return model_facts(
        ModelVersion("tips", version, "d" * 64, service.name, service.digest),
        service,
        manifest=MANIFEST,
        checks=[Check(name="log loss", passed=True, sentence="It is better | by far.", figures={"gain": 0.02})],
    )


@pytest.mark.parametrize("name", DECLARED)
def test_the_cards_of_policies_and_the_generator_are_complete_and_of_today(name: str) -> None:
    assert CARDS.faults(name, DECLARED[name]()) == ()


def test_the_schema_beside_the_cards_is_that_of_their_facts() -> None:
    written = json.loads((CARDS.folder / SCHEMA).read_text())
    assert written == schema()
    for name in DECLARED:
        card = CARDS.card(name)
        assert card.facts is not None
        jsonschema_rs.validate(written, card.facts.model_dump(mode="json"))


def test_the_facts_are_told_to_people_and_to_programs() -> None:
    text = str(Card.new("tips").with_facts(facts()))
    for fact in ("tips 3", "d" * 64, "never exposed 7, degraded 2", "pass | It is better \\| by far.", "gain 0.02"):
        assert fact in text
    assert Card.parse(text).facts == facts()


def test_what_people_wrote_stays_when_the_facts_are_renewed(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "cards")
    path = shelf.renew("tips", facts())
    said = path.read_text().replace("# tips\n", "# tips\n\nFor adults.\n") + "\n## Notes\n\nAsk us.\n"
    path.write_text(said)
    shelf.renew("tips", facts(version=4))
    renewed = path.read_text()
    assert renewed.startswith("# tips\n\nFor adults.\n")
    assert renewed.endswith("\n## Notes\n\nAsk us.\n")
    assert shelf.card("tips").facts == facts(version=4)


def test_a_card_is_refused_for_each_thing_that_nobody_has_said(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    assert shelf.faults("tips", facts())[-1] == "it has no facts"
    path = shelf.renew("tips", facts())
    assert [fault for fault in shelf.faults("tips", facts()) if "nobody" in fault] == [
        f"nobody has written its section “{name}” yet" for name in SECTIONS
    ]
    path.write_text(path.read_text().replace("*To be written by the people who answer for it.*", "Us."))
    assert shelf.faults("tips", facts()) == ()
    assert shelf.faults("tips", facts(version=4)) == (
        "its facts are not those of today; renew them with `oo card write`",
    )


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (f"# tips\n{BEGIN}\n", f"and no {END}"),
        (f"# tips\n{BEGIN}\nnothing\n{END}\n", "hold no JSON"),
        (f'# tips\n{BEGIN}\n```json\n{{"kind": "model"}}\n```\n{END}\n', "model.name: Field required"),
    ],
)
def test_a_card_that_cannot_be_read_names_its_file_and_the_fault(tmp_path: Path, broken: str, said: str) -> None:
    shelf = Shelf(tmp_path)
    shelf.path("tips").write_text(broken)
    with pytest.raises(InvalidCard) as refused:
        shelf.card("tips")
    assert said in str(refused.value)
    assert "tips.md" in str(refused.value)


@pytest.mark.parametrize("text", ["", "# tips\n", "For adults."])
def test_a_text_without_a_section_lacks_them_all_and_names_no_segment(text: str) -> None:
    card = Card.parse(text)
    assert len(card.missing()) == len(SECTIONS) + 1
    assert card.segments == ()
