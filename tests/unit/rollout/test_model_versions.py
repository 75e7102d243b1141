from oo.cards.card import Card
from oo.cards.facts import ModelFacts
from oo.registry.history import Recorded, Stage, Transition
from oo.registry.memory_registry import MemoryRegistry
from oo.registry.registry import ModelVersion
from oo.rollout.model_versions import ModelVersions
from oo.training.registration import MODEL_CARD
from tests.unit.rollout.carded import carded
from tests.unit.rollout.trial import MODEL, at


def told(*steps: tuple[str, Stage]) -> list[Recorded]:
    return [
        Recorded(
            sequence=place,
            transition=Transition(subject=MODEL, version=of, stage=stage, champion="1", at=at(0), who="a", why="b"),
        )
        for place, (of, stage) in enumerate(steps, 1)
    ]


def stages(registry: MemoryRegistry, version: ModelVersion) -> list[str]:
    facts = Card.parse(registry.read_file(version, MODEL_CARD).decode()).facts
    assert isinstance(facts, ModelFacts)
    return [step.stage for step in facts.rollout]


async def test_the_card_of_the_version_that_was_spoken_of_last_says_what_became_of_it() -> None:
    registry = MemoryRegistry()
    one, two = carded(registry, 1), carded(registry, 2)
    history = told(("1", "champion"), ("2", "challenger"), ("2", "shadow"))
    for _ in range(2):
        await ModelVersions(registry).tell(MODEL, history)
        assert stages(registry, two) == ["challenger", "shadow"]
    assert stages(registry, one) == []


async def test_a_version_without_a_card_or_with_one_that_cannot_be_read_is_left_as_it_is() -> None:
    registry = MemoryRegistry()
    bare = registry.register("digits", b"bare", feature_service="digits@1", feature_digest="f", files={}, tags={})
    broken = carded(registry, 2)
    text = registry.read_file(broken, MODEL_CARD).replace(b"```json", b"```")
    registry.attach(broken, {MODEL_CARD: text}, {})
    for version in (bare, broken):
        await ModelVersions(registry).tell(MODEL, told((str(version.version), "challenger")))
    assert registry.read_file(broken, MODEL_CARD) == text
