"""The cards of a folder, a file each, by the name of what they are about: `digits`, `policy-thompson`, `generator`."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from oo.cards.card import Card
from oo.cards.facts import Facts, schema
from oo.cards.generator import generator_facts
from oo.cards.policies import policies, policy_facts
from oo.catalog import Catalog
from oo.errors import InvalidCard
from oo.llm.guardrails import Guardrails
from oo.prompts.library import PromptLibrary

SCHEMA = "facts.schema.json"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Reads and renews cards."""

    folder: Path

    def path(self, name: str) -> Path:
        """Where the card is, or would be."""
        return self.folder / f"{name}.md"

    def card(self, name: str) -> Card:
        """The card, or one on which people have said nothing yet.

        Raises:
            InvalidCard: its facts cannot be read; names the file.
        """
        path = self.path(name)
        if not path.exists():
            return Card.new(name)
        try:
            return Card.parse(path.read_text(encoding="utf-8"))
        except InvalidCard as error:
            raise InvalidCard(f"{path}: {error}") from error

    def renew(self, name: str, facts: Facts) -> Path:
        """Write the card with these facts; what people wrote stays."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(self.card(name).with_facts(facts)), encoding="utf-8")
        return path

    def write_schema(self) -> None:
        """Write the JSON Schema of the facts beside the cards."""
        (self.folder / SCHEMA).write_text(f"{json.dumps(schema(), indent=2)}\n", encoding="utf-8")

    def faults(self, name: str, facts: Facts) -> tuple[str, ...]:
        """Why nothing may be promoted by this card, as in `Card.faults`."""
        return self.card(name).faults(facts)


def declared(catalog: Catalog, library: PromptLibrary) -> Mapping[str, Callable[[], Facts]]:
    """The facts that follow from the code and its files alone, by the name of the card."""
    facts: dict[str, Callable[[], Facts]] = {"generator": lambda: generator_facts(library, Guardrails.load())}
    for policy in policies():
        facts[f"policy-{policy.model_fields['name'].default}"] = partial(policy_facts, policy, catalog)
    return facts
