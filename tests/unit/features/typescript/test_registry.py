"""Every way of writing is read to the same two features; what cannot be read says where and why."""

from pathlib import Path

import pytest

from oo.errors import UnreadableRegistry
from oo.features.profile_check import DeclaredFeature
from oo.features.typescript.registry import read

WITH_UNITS = (
    DeclaredFeature("tip_volume", "float64", nullable=False, unit="tips per week"),
    DeclaredFeature("preferred_hour", "int64", nullable=True, unit="local hour 0 to 23"),
)
VOLUME = '{ dtype: "float64", nullable: false, unit: "tips per week" }'
HOUR = '{ dtype: "int64", nullable: true, unit: "local hour 0 to 23" }'
NAMED_VOLUME, NAMED_HOUR = (
    f'{{ name: "{name}", {fields[1:]}' for name, fields in (("tip_volume", VOLUME), ("preferred_hour", HOUR))
)
BOTH = f"{{ tip_volume: {VOLUME}, preferred_hour: {HOUR} }}"


def written(folder: Path, text: str, suffix: str = ".ts") -> Path:
    path = folder / f"registry{suffix}"
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str, export: str | None = None) -> str:
    with pytest.raises(UnreadableRegistry) as raised:
        read(written(folder, text), export)
    return str(raised.value).removeprefix(f"{folder}/registry.ts:")


@pytest.mark.parametrize(
    "text",
    [
        f"export const PROFILE_FEATURES = {BOTH};",
        f"const PROFILE_FEATURES: Record<string, Feature> = {BOTH} as const; export {{ PROFILE_FEATURES }};",
        f"export const REGISTRY = [{NAMED_VOLUME}, {NAMED_HOUR}] as const satisfies readonly Feature[];",
        f"export default [{NAMED_VOLUME}, {NAMED_HOUR}];",
        f"const features = {BOTH}; export default features;",
        f"const features = {BOTH}; export = features;",
        f"export const R = Object.freeze({BOTH} as const);",
        f"export const R = defineRegistry<Feature>([{NAMED_VOLUME}, {NAMED_HOUR}]);",
        f"function own<const T>(x: T): T {{ check(x); return Object.freeze(x); }} export const R = own({BOTH});",
        f"const own = <T,>(x: T) => x; export const R = own({BOTH});",
        f"export const R = new Map<string, F>([['tip_volume', {VOLUME}], ['preferred_hour', {HOUR}]]);",
        f"const all = {BOTH}; export const M = new Map(Object.entries(all)); ",
        f"export const R = Object.fromEntries([['tip_volume', {VOLUME}], ['preferred_hour', {HOUR}]] as const);",
        f"export const R = {{ version: 3, features: [{NAMED_VOLUME}, {NAMED_HOUR}] }};",
        f"const volume = {VOLUME}; export const R = {{ tip_volume: volume, preferred_hour: {HOUR} }};",
        f"const tip_volume = {VOLUME}; export const R = {{ tip_volume, preferred_hour: {HOUR} }};",
        f"const a = {{ tip_volume: {VOLUME} }}; export const profileFeatures = {{ ...a, preferred_hour: {HOUR} }};",
        f"const base = [{NAMED_VOLUME}] as const; export const profileFeatures = [...base, {NAMED_HOUR}];",
        f'export const R = {{ "tip_volume": {VOLUME}, [`preferred_${{"hour"}}`]: {HOUR} }};',
        f"const KEY = 'preferred' + '_hour'; export const R = {{ ['tip\\u005fvolume']: {VOLUME}, [KEY]: {HOUR} }};",
        (
            "enum Dtype { Float = 'float64', Whole = 'int64' } const Unit = { week: 'tips per week' } as const;"
            " export const R = { tip_volume: { dtype: Dtype.Float, unit: Unit.week } };"
            f" export const PROFILE_FEATURES = {{ tip_volume: {{ dtype: Dtype.Float, unit: Unit['week'] }},"
            f" preferred_hour: {{ ...{HOUR}, dtype: Dtype.Whole }} }};"
        ),
        f"export class Registry {{ static readonly FEATURES = {BOTH}; }}",
        f"export namespace Profile {{ export const FEATURES = {BOTH}; }}",
        f"export const SIGNALS = {{ sessions_7d: {VOLUME} }}; export const PROFILE_FEATURES = {BOTH};",
        (
            f"export const PROFILE_FEATURES = {BOTH}; export const PROFILE_FEATURE_NAMES = keys(PROFILE_FEATURES);"
            " export type ProfileFeatures = { [K in keyof typeof PROFILE_FEATURES]: unknown };"
        ),
        f"let features = {BOTH}; function f(features: F[]) {{ features.push(x); }} export {{ features }};",
        f"export const R = <Registry>{BOTH};",
        (
            "export const R = { tip_volume: { type: 'float64', unit: 'tips per week' },"
            " preferred_hour: { type: 'int64', required: false, unit: 'local hour 0 to 23' } };"
        ),
        (
            "export const R = { tip_volume: { type: 'float64', optional: false, unit: 'tips per week' },"
            " preferred_hour: { type: 'int64', optional: true, unit: 'local hour 0 to 23' } };"
        ),
    ],
)
def test_the_registry_is_read_however_it_is_written(tmp_path: Path, text: str) -> None:
    assert read(written(tmp_path, text)).features == WITH_UNITS


@pytest.mark.parametrize(
    "text",
    [
        "export interface ProfileFeatures { tip_volume: number; preferred_hour: number | null }",
        "export type ProfileFeatures = Readonly<{ tip_volume: number; readonly 'preferred_hour'?: number }>;",
        "interface A { tip_volume: number } export interface Profile extends A { preferred_hour?: number | undefined }",
        "interface P { tip_volume: number } interface P { preferred_hour?: number } export type Profile = P;",
        "type P = { tip_volume: number } & Partial<{ preferred_hour: number }>; export type { P as ProfileFeatures };",
        (
            "type Hour = number; type Maybe<T> = T | null;"
            " export type Profile = { tip_volume: number & { __unit: 'week' }; preferred_hour: Maybe<Hour> };"
        ),
        (
            "@Dto() export class Profile { @IsNumber() tip_volume!: number; @IsOptional() preferred_hour?: number;"
            " static of(): Profile { return new Profile(); } describe() { return ''; } }"
        ),
        "export const R = z.object({ tip_volume: z.number().min(0), preferred_hour: z.number().max(23).nullable() });",
        (
            "const h = z.number(); export const R = z.object({ tip_volume: z.number(), preferred_hour: h.nullish() })"
            ".strict(); export type ProfileFeatures = z.infer<typeof R>;"
        ),
        "export const R = { tip_volume: { type: Number }, preferred_hour: { type: Number, nullable: true } };",
    ],
)
def test_a_type_says_names_types_and_nulls_but_no_units(tmp_path: Path, text: str) -> None:
    assert read(written(tmp_path, text)).features == (
        DeclaredFeature("tip_volume", "number", nullable=False, unit=None),
        DeclaredFeature("preferred_hour", "number", nullable=True, unit=None),
    )


@pytest.mark.parametrize(
    ("type_", "word", "nullable"),
    [
        ("string", "string", False),
        ("'a' | \"b\"", "string", False),
        ("`a${string}`", "string", False),
        ("Goal", "string", False),
        ("boolean | null", "boolean", True),
        ("true | false", "boolean", False),
        ("0 | 1 | undefined", "number", True),
        ("bigint", "bigint", False),
        ("string | number", "string | number", False),
        ("string[]", "string[]", False),
        ("null", "null", True),
        ("unknown", "unknown", False),
    ],
)
def test_the_type_of_a_member_is_its_word(tmp_path: Path, type_: str, word: str, nullable: bool) -> None:  # noqa: FBT001
    text = f"enum Goal {{ Rest = 'rest' }} export interface Profile {{ a: {type_}; b: number }}"
    assert read(written(tmp_path, text)).features[0] == DeclaredFeature("a", word, nullable=nullable, unit=None)


@pytest.mark.parametrize("suffix", [".ts", ".mts", ".cts", ".tsx"])
def test_each_kind_of_typescript_file_is_read(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path, f"\ufeffexport const R = {BOTH};", suffix)
    assert read(path).features == WITH_UNITS


def test_unrelated_code_of_any_kind_does_not_matter(tmp_path: Path) -> None:
    text = f"""#!/usr/bin/env node
    "use strict"; import type {{ Feature }} from "./feature"; import * as everything from 'x'; export * from "./y";
    /* PROFILE_FEATURES = {{}} */ // export const PROFILE_FEATURES = {{ fake: {VOLUME} }};
    declare global {{ interface Window {{ oo: string }} }}
    abstract class Base<T extends object = {{}}> {{ #x = 1; abstract go(): Promise<T>; get y() {{ return this.#x; }} }}
    export async function* stream<T>(this: Base<T>, ...a: unknown[]): AsyncGenerator<T> {{ yield* a as T[]; }}
    const ünïcode = "日本語 😀", pattern = /a[/]b/giu, tagged = String.raw`x${{1 + 1}}`;
    type Deep<T> = T extends (infer U)[] ? Deep<U> : {{ readonly [K in keyof T]?: Deep<T[K]> }};
    const view = <section className="a">{{items.map((i) => <b key={{i}}>{{i ?? "none"}}</b>)}}</section>;
    export const PROFILE_FEATURES = /* 😀 */ {{
      tip_volume: /* why */ {VOLUME}, // because
      preferred_hour: {HOUR},
    }} as const /* c */ satisfies Record<string, Feature>;
    export default function App(): JSX.Element {{ return <>{{view}}</>; }}
    """
    assert read(written(tmp_path, text, ".tsx")).features == WITH_UNITS


def test_what_is_said_later_in_an_object_wins(tmp_path: Path) -> None:
    text = f"const base = {VOLUME}; export const R = {{ tip_volume: {{ ...base, dtype: 'string' }} }};"
    assert read(written(tmp_path, text)).features[0].dtype == "string"


def test_what_is_said_after_a_spread_out_of_sight_is_certain(tmp_path: Path) -> None:
    text = "const R = { x: { dtype: 'bool', ...far, dtype: 'int64', nullable: true, unit: 'u' } };"
    assert read(written(tmp_path, text)).features == (DeclaredFeature("x", "int64", nullable=True, unit="u"),)


def test_an_empty_registry_is_one(tmp_path: Path) -> None:
    assert read(written(tmp_path, "export const PROFILE_FEATURES = {} as const;")).features == ()


@pytest.mark.parametrize("export", ["OLD", "ProfileFeaturesBefore"])
def test_the_declaration_may_be_named(tmp_path: Path, export: str) -> None:
    text = (
        f"export const PROFILE_FEATURES = {BOTH}; const OLD = {{ tip_volume: {VOLUME} }};"
        " export { OLD as ProfileFeaturesBefore };"
    )
    registry = read(written(tmp_path, text), export)
    assert (registry.name, registry.features) == ("OLD", WITH_UNITS[:1])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "export const R = {\n  tip_volume: { dtype: pick('float64') } };",
            "2:24: what pick(…) gives is known when the program runs",
        ),
        (
            f"import {{ more }} from './m';\nexport const R = {{ tip_volume: {VOLUME}, ...more }};",
            "2:97: more is imported from another file",
        ),
        (f"const R = [{NAMED_VOLUME}, ...more()];", "1:98: what more(…) gives is known"),
        ("export const R = [{ name: nameOf('x'), dtype: 'int64' }];", "1:27: what nameOf(…) gives is known"),
        ("const R = [{ name: 'x', dtype: 'int64', nullable: flag }];", "1:51: flag is not a constant of this file"),
        (
            "const R = [{ name: 'x', dtype: 'int64', nullable: a ? b : c }];",
            "1:51: this ternary expression is worked out",
        ),
        ("const R = [{ name: 'x', dtype: 'int64', nullable: 'no' }];", "1:51: nullable must be true or false"),
        ("const R = [{ name: 'x', dtype: 'int64', unit: 7 }];", "1:47: the unit must be a text"),
        ("const R = [{ dtype: 'int64' }];", "1:12: this entry has no name"),
        ("const R = { x: { nullable: true }, y: { dtype: 'int64' } };", "1:16: x says no dtype"),
        ("const R = { x: { ...far, nullable: true }, y: { dtype: 'int64' } };", "1:21: far is not a constant"),
        ("const R = { x: { dtype: 'bool', ...far } };", "1:36: far is not a constant of this file"),
        ("const R = { x: { dtype: 'bool', nullable: true, unit: 'u', ...far } };", "1:63: far is not a constant"),
        ("const R = { [k()]: { dtype: 'int64' }, y: { dtype: 'int64' } };", "1:14: what k(…) gives is known"),
        ("const R = { get x() { return 1; }, y: { dtype: 'int64' } };", "1:13: this method definition runs when"),
        (
            f"export const PROFILE_FEATURES = {BOTH};\nPROFILE_FEATURES.extra = 1;",
            "2:1: PROFILE_FEATURES is changed here",
        ),
        (f"export const R = [{NAMED_VOLUME}];\nexport function add(f: F) {{ R.push(f); }}", "R is changed here, after"),
        (f"export const R = {BOTH};\nObject.assign(R, more);", "2:15: R is changed here"),
        (f"export const R = {BOTH};\ndelete R.tip_volume;", "2:8: R is changed here"),
        (f"export let R = {BOTH};\nR = {{}};", "2:1: R is changed here"),
        (
            f"function more(x) {{ return [...x, y]; }} export const PROFILE = more([{NAMED_VOLUME}]);",
            "what more(…) gives",
        ),
        ("export const PROFILE_FEATURES = build();", "1:33: what build(…) gives is known"),
        ("export const PROFILE_FEATURES = [f].map(g);", "1:33: what [f].map(…) gives is known"),
        ("const A = { ...B }; const B = { ...A }; export const PROFILE = A;", "is made from itself"),
        ("export const R = z.object({ a: z.number(), x: z.string().transform(f) });", "1:47: x: zod's transform()"),
        ("export interface Profile extends Far { a: number }", "the type `Far` is not written out in this file"),
        (
            "export type ProfileFeatures = z.infer<typeof schema>;",
            "the type `z.infer<typeof schema>` is not written out",
        ),
        ("export interface Profile { a: Far; b: number }", "1:31: the type `Far` is not written out"),
        ("export interface Profile { [name: string]: number }", "1:28: the type `[name: string]: number`"),
        (
            "const a = [{ name: 'x', dtype: 'b' }], b = [{ name: 'y', dtype: 'b' }];",
            "a, b each look like the profile registry; choose one",
        ),
        ("export const PROFILE = [{ name: 'x', dtype: 'b' }, { name: 'x', dtype: 'c' }];", "PROFILE declares x twice"),
        ("export const a = 1;", "no declaration looks like the profile registry"),
        ("", "no declaration looks like the profile registry"),
        ("// export const PROFILE_FEATURES = {};", "no declaration looks like the profile registry"),
        ("export const R = {\n  x: = 1 };", "2:6: the syntax breaks here"),
        ("const é = 'é', = 2;", "the syntax breaks here"),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_stands(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)


def test_the_default_export_can_be_asked_for(tmp_path: Path) -> None:
    text = "interface Other { a: string } export default class Person { tip_volume!: number }"
    assert read(written(tmp_path, text), "default").name == "Person"


def test_a_name_that_is_not_declared_is_refused_with_those_that_are(tmp_path: Path) -> None:
    text = f"export const R = {BOTH}; interface P {{ a: number }}"
    assert "no variable or type is called Q; the file declares R, P" in refused(tmp_path, text, "Q")


def test_a_declaration_that_is_named_but_no_registry_is_refused_where_it_stands(tmp_path: Path) -> None:
    assert refused(tmp_path, "const a = 1;\nconst b = 'x';", "b").startswith("2:11: this is no list and no object")


def test_a_file_that_is_not_typescript_or_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRegistry, match=r"registry\.js: not a TypeScript file; its name must end in \.ts"):
        read(written(tmp_path, "", ".js"))
    with pytest.raises(UnreadableRegistry, match="No such file"):
        read(tmp_path / "absent.ts")
    (tmp_path / "bad.ts").write_bytes(b"const a = '\xff';")
    with pytest.raises(UnreadableRegistry, match="byte 11 is not UTF-8"):
        read(tmp_path / "bad.ts")


def test_nesting_without_end_is_refused(tmp_path: Path) -> None:
    text = "export const PROFILE_FEATURES = " + "[" * 20_000 + "]" * 20_000 + ";"
    assert "nested too deeply" in refused(tmp_path, text)


def test_a_file_of_a_megabyte_is_read(tmp_path: Path) -> None:
    many = "\n".join(f"export const c{n} = (a: number) => ({{ a, b: [a, {n}], c: `x${{a}}` }});" for n in range(17_000))
    text = f"{many}\nexport const PROFILE_FEATURES = {BOTH};"
    assert len(text) > 1_000_000
    assert read(written(tmp_path, text)).features == WITH_UNITS
