import pytest

from oo.prompts.differences import differences
from oo.prompts.library import Prompt, PromptLibrary


@pytest.fixture(scope="module")
def library() -> PromptLibrary:
    return PromptLibrary.load()


def changed(prompt: Prompt, **fields: object) -> Prompt:
    return Prompt(prompt.file.model_copy(update=fields), "0" * 64)


def test_a_version_does_not_differ_from_itself(library: PromptLibrary) -> None:
    found = differences(library.get("v1"), library.get("v1"))

    assert (found.fields, found.texts) == ((), ())


def test_fields_are_named_by_their_path_with_both_values(library: PromptLibrary) -> None:
    found = differences(library.get("v1"), library.get("v2"))

    assert ("parameters.max_tokens", 200, 160) in found.fields
    assert ("output.title.max_length", 60, 48) in found.fields
    assert not [name for name, *_ in found.fields if name.startswith(("system", "user", "version"))]


def test_texts_are_a_unified_diff_with_both_versions_in_its_head(library: PromptLibrary) -> None:
    v1 = library.get("v1")
    changed_text = v1.file.user.replace("Write one tip for this person.", "Write a tip.")

    found = differences(v1, changed(v1, user=changed_text))

    assert found.fields == ()
    assert found.texts[:2] == ("--- v1 user", "+++ v1 user")
    assert [line for line in found.texts[3:] if line[0] in "+-"] == ["-Write one tip for this person.", "+Write a tip."]


def test_template_tips_are_texts(library: PromptLibrary) -> None:
    v1 = library.get("v1")
    tips = v1.file.template | {"de": v1.file.template["de"].model_copy(update={"title": "Pause"})}

    found = differences(v1, changed(v1, template=tips))

    assert "-de title: Mach eine kurze Pause" in found.texts
    assert "+de title: Pause" in found.texts


def test_fixtures_are_known_by_name_whatever_their_order(library: PromptLibrary) -> None:
    v1 = library.get("v1")
    first, *others = v1.file.fixtures

    assert differences(v1, changed(v1, fixtures=(*others, first))).fields == ()
    gone = differences(v1, changed(v1, fixtures=tuple(others))).fields
    assert (f"fixtures.{first.name}.language", "en", None) in gone
