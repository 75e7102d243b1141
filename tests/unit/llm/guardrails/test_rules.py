import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from oo.errors import InvalidRules
from oo.llm.guardrails import RULES, Guardrails
from oo.llm.guardrails.alternatives import joined
from oo.llm.guardrails.names import NamesFile
from oo.llm.guardrails.rules import LANGUAGES, Family, Rule, RuleFile, compiled, read
from tests.unit.llm.guardrails.tips import answer, brief


def _files() -> Iterator[tuple[str, Family]]:
    for path in sorted(RULES.glob("*.yaml")):
        yield path.stem, read(path, NamesFile if path.stem == "names" else RuleFile)


FILES = dict(_files())
EXAMPLES = [
    pytest.param(family, "en" if scope == "any" else scope, body, refused, id=f"{name}-{scope}-{body[:40]}")
    for name, family in FILES.items()
    for texts, refused in ((family.refuses, True), (family.passes, False))
    for scope, bodies in texts.items()
    for body in bodies
]


@pytest.mark.parametrize(("family", "language", "body", "refused"), EXAMPLES)
def test_each_rule_does_what_its_examples_say(
    guardrails: Guardrails, family: Family, language: str, body: str, *, refused: bool
) -> None:
    found = guardrails.examine(answer(body, language=language), brief(language)).faults

    assert (family.fault in found) == refused, found
    if isinstance(family, RuleFile) and family.withheld:
        assert guardrails.withholds(body) == refused


def test_examples_of_what_passes_have_no_other_fault_of_meaning(guardrails: Guardrails) -> None:
    meaning = {"medical_claim", "financial_claim", "legal_claim", "danger", "instruction", "leak", "secret"}
    for family, language, body, refused in (parameter.values for parameter in EXAMPLES):
        if not refused:
            found = guardrails.examine(answer(body, language=language), brief(language)).faults  # type: ignore[arg-type]
            assert not meaning.intersection(found), (family, body, found)


GOOD = {
    "owner": "safety",
    "why": "A reason.",
    "fault": "danger",
    "reads": "words",
    "patterns": {"en": ["fire"], "de": ["feuer"], "fr": ["feu"], "es": ["fuego"]},
    "refuses": {"en": ["a fire"], "de": ["ein Feuer"], "fr": ["un feu"], "es": ["un fuego"]},
    "passes": {"en": ["a fir"], "de": ["eine Feier"], "fr": ["une feuille"], "es": ["un fajo"]},
}


def _without(key: str, language: str | None = None) -> dict[str, object]:
    if language is None:
        return {name: value for name, value in GOOD.items() if name != key}
    kept = {scope: texts for scope, texts in GOOD[key].items() if scope != language}  # type: ignore[attr-defined]
    return GOOD | {key: kept}


def _write(folder: Path, content: object) -> Path:
    path = folder / "fires.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (_without("owner"), "owner: Field required"),
        (GOOD | {"owner": ""}, "owner: "),
        (_without("why"), "why: Field required"),
        (_without("refuses"), "refuses: Field required"),
        *((_without("refuses", one), f"`refuses` has nothing for {one}") for one in LANGUAGES),
        *((_without("passes", one), f"`passes` has nothing for {one}") for one in LANGUAGES),
        (_without("patterns", "fr"), "`patterns` has nothing for fr"),
        (GOOD | {"passes": {"en": [], "de": ["x"], "fr": ["x"], "es": ["x"]}}, "`passes` has nothing for en"),
        (GOOD | {"patterns": {"any": ["fire"]}}, "`refuses` has nothing for any"),
        (GOOD | {"fault": "hotness"}, "fault: "),
        (GOOD | {"colour": "red"}, "colour: Extra inputs"),
        (GOOD | {"patterns": GOOD["patterns"] | {"en": ["fire)|(ice"]}}, "no regular expression"),  # type: ignore[operator]
        (GOOD | {"needs": "["}, "no regular expression"),
        ("a: b: c", "is not YAML"),
        ("[]", "file: "),
    ],
)
def test_a_rule_file_that_leaves_something_out_is_refused_by_name(tmp_path: Path, content: object, told: str) -> None:
    path = _write(tmp_path, content)

    with pytest.raises(InvalidRules, match=re.escape(told)) as error:
        compiled(path)
    assert "fires.yaml" in str(error.value)


def test_a_whole_rule_file_is_read(tmp_path: Path) -> None:
    rule = compiled(_write(tmp_path, GOOD))

    assert rule.fits("light a fire now")
    assert not rule.fits("light a firework now")


def test_a_folder_without_names_or_without_rules_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(InvalidRules, match=r"names\.yaml: No such file"):
        Guardrails.load(tmp_path)
    (tmp_path / "names.yaml").write_bytes((RULES / "names.yaml").read_bytes())
    with pytest.raises(InvalidRules, match=r"holds no rules"):
        Guardrails.load(tmp_path)


@pytest.mark.parametrize(("text", "fits"), [("a pub fire", False), ("a fire", True), ("fire pub fire", True)])
def test_what_is_allowed_is_taken_out_before_a_pattern_is_looked_for(text: str, *, fits: bool) -> None:
    rule = Rule.of(RuleFile.model_validate(GOOD | {"allows": ("pub fire",)}))

    assert rule.fits(text) == fits


def test_a_text_without_what_a_rule_needs_is_not_looked_through() -> None:
    rule = Rule.of(RuleFile.model_validate(GOOD | {"needs": "pub|feuer"}))

    assert rule.fits("a fire in a pub")
    assert not rule.fits("a fire")
    assert (rule.found("a fire in a pub"), rule.found("a fire")) == ({"fire"}, set())


def test_a_gap_stands_for_up_to_four_words_and_accents_do_not_matter() -> None:
    rule = Rule.of(RuleFile.model_validate(GOOD | {"patterns": GOOD["patterns"] | {"de": ["grüße ... straße"]}}))  # type: ignore[operator]

    assert rule.fits("grusse die strasse")
    assert rule.fits("grusse mir doch die lange strasse")
    assert not rule.fits("grusse mir doch noch die lange strasse")


@pytest.mark.parametrize(
    "patterns",
    [
        ["(?:ab|ac)d", "a?b", "(?:x)?y", "[a|b]c", r"a\|b", "(?:a(?:b|c)|d) e", "zz|ab*", "é", ""],
        [r"\d+ mg", "mg", "(?:m|n)g+", "(?:(?:a|b)|c)d"],
    ],
)
def test_joined_patterns_match_what_one_of_them_matches(patterns: list[str]) -> None:
    pieces = ["a", "b", "c", "d", "e", "x", "y", "z", "g", "m", "n", "1", " ", "|", "é"]
    texts = [first + second + third for first in pieces for second in pieces for third in ("", *pieces)]
    one = re.compile(joined(patterns))

    for text in texts:
        assert (one.fullmatch(text) is not None) == any(re.fullmatch(pattern, text) for pattern in patterns), text
