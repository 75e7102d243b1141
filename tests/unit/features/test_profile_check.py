"""Our own TypeScript registry agrees with the schema, and a drift that is planted in it is named."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from oo.cli import app
from oo.features.profile_check import DeclaredFeature, differences
from oo.features.profile_schema import PROFILE_SCHEMA
from oo.features.typescript.registry import read

OURS = Path(__file__).parents[3] / "clients/typescript/src/profile/registry.ts"
GOAL = """  goal: {
    dtype: "string",
    nullable: true,
    unit: "tip topic",
    meaning: "What the person said to work on.",
  },
"""


def drifted(folder: Path, old: str, new: str) -> Path:
    """A copy of our registry with one thing changed."""
    text = OURS.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path = folder / "registry.ts"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_our_own_registry_agrees_with_the_schema() -> None:
    registry = read(OURS)
    assert registry.name == "PROFILE_FEATURES"
    assert [feature.name for feature in registry.features] == [feature.name for feature in PROFILE_SCHEMA]
    assert differences(registry.features) == ()


def test_our_own_registry_says_the_same_meanings() -> None:
    text = OURS.read_text(encoding="utf-8")
    assert [feature.name for feature in PROFILE_SCHEMA if f'meaning: "{feature.meaning}"' not in text] == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (GOAL, "", ["missing: goal (string, nullable, tip topic)"]),
        (GOAL, f"{GOAL}{GOAL.replace('goal:', 'mood:')}", ["extra: mood"]),
        (GOAL, GOAL.replace("goal:", "aim:"), ["missing: goal (string, nullable, tip topic)", "extra: aim"]),
        (
            "  streak_days: {",
            "  streakDays: {",
            ["missing: streak_days (int64, not null, days)", "extra: streakDays (on the wire it is streak_days)"],
        ),
        (GOAL, GOAL.replace('"string"', '"bool"'), ["retyped: goal is bool there, string here"]),
        (
            'preferred_hour: {\n    dtype: "int64"',
            'preferred_hour: {\n    dtype: "float64"',
            ["retyped: preferred_hour is float64 there, int64 here"],
        ),
        (
            'tip_volume: {\n    dtype: "float64",\n    nullable: false',
            'tip_volume: {\n    dtype: "float64",\n    nullable: true',
            ["re-nulled: tip_volume is nullable there, not null here"],
        ),
        (
            'language: {\n    dtype: "string",\n    nullable: true,',
            'language: {\n    dtype: "string",',
            ["re-nulled: language is not null there, nullable here"],
        ),
        (
            "local hour 0 to 23",
            "minutes since midnight",
            ["unit: preferred_hour is 'minutes since midnight' there, 'local hour 0 to 23' here"],
        ),
        (
            '    unit: "minutes east of UTC",\n',
            "",
            ["unit: utc_offset_minutes is not said there, 'minutes east of UTC' here"],
        ),
        (
            'export const PROFILE_FEATURES = {\n  completion_rate: {\n    dtype: "float64"',
            (
                "enum Dtype { Whole = 'int64' }\n"
                "export const PROFILE_FEATURES = {\n  completion_rate: {\n    dtype: Dtype.Whole"
            ),
            ["retyped: completion_rate is int64 there, float64 here"],
        ),
        (
            'dtype: "bool",\n    nullable: false',
            "...flag",
            ["retyped: notifications_enabled is string there, bool here"],
        ),
        (
            GOAL,
            '  goal: { dtype: "number", nullable: false, unit: "topic" }, tz: { dtype: "string" },\n',
            [
                "extra: tz",
                "retyped: goal is number there, string here",
                "re-nulled: goal is not null there, nullable here",
                "unit: goal is 'topic' there, 'tip topic' here",
            ],
        ),
    ],
)
def test_a_drift_is_told_with_the_name_and_the_exit_code(tmp_path: Path, old: str, new: str, said: list[str]) -> None:
    path = drifted(tmp_path, old, new)
    if "...flag" in new:
        path.write_text(f"const flag = {{ dtype: 'string' }};\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    result = CliRunner().invoke(app, ["profile", "check", str(path)])
    assert result.stdout.splitlines() == said
    assert result.exit_code == 1


def test_agreement_is_told_with_the_number_of_features() -> None:
    result = CliRunner().invoke(app, ["profile", "check", str(OURS)])
    assert result.exit_code == 0
    assert result.stdout == f"12 features agree: PROFILE_FEATURES in {OURS}\n"


def test_what_cannot_be_understood_ends_with_two(tmp_path: Path) -> None:
    path = drifted(tmp_path, GOAL, "  ...more(),\n")
    result = CliRunner().invoke(app, ["profile", "check", str(path)])
    assert result.exit_code == 2
    assert f"{path}:80:6: what more(…) gives is known when the program runs" in result.stderr


def test_another_declaration_can_be_chosen(tmp_path: Path) -> None:
    path = drifted(tmp_path, GOAL, GOAL)
    result = CliRunner().invoke(app, ["profile", "check", str(path), "--export", "ProfileFeature"])
    assert "extra: dtype" in result.stdout.splitlines()
    assert result.exit_code == 1


def test_typescripts_number_stands_for_both_and_an_interface_owes_no_units() -> None:
    words = {"float64": "number", "int64": "Number", "string": "string", "bool": "boolean"}
    interface = [DeclaredFeature(f.name, words[f.dtype], nullable=f.nullable, unit=None) for f in PROFILE_SCHEMA]
    assert differences(interface) == ()


def test_the_schema_is_shown_with_every_name_and_unit() -> None:
    result = CliRunner().invoke(app, ["profile", "show"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert all(feature.name in result.stdout and feature.unit in result.stdout for feature in PROFILE_SCHEMA)
