"""The commands for models, with a real registry and a real history."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from oo.bus import streams
from oo.bus.connection import connect
from oo.catalog import Catalog
from oo.cli import app
from oo.decisions.champions import Champions
from oo.registry.history import Kind, Stage, Subject, Transition
from oo.registry.mlflow_registry import MlflowRegistry
from oo.registry.nats_history import NatsHistory
from oo.registry.registry import CANARY, CHALLENGER, CHAMPION, PREVIOUS, ROWS_SHA256, ModelVersion
from oo.settings import ScorerSettings
from oo.training.prior import bootstrap
from oo.training.registration import MANIFEST, MODEL_CARD
from oo.wiring.scorer import registry_of
from tests.integration.nats_server import NatsServer

Oo = Callable[..., Awaitable[Result]]
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVIDENCE = "e" * 64
COLUMNS = [{"source": "context", "name": name, "type": "number"} for name in ("hour", "day")]
CATALOG = {
    "feature_services": [
        {"name": "tiny@1", "model": "tiny", "columns": COLUMNS[:1]},
        {"name": "tiny@2", "model": "tiny", "columns": COLUMNS},
        {"name": "new@1", "model": "new", "columns": COLUMNS},
    ]
}
MANIFESTS = [
    {
        "dataset": {"rows": 600, "excluded": {"shadow": 2}, "rows_sha256": "1" * 64},
        "fit": {"recipe": "forest", "seed": 4},
    },
    {
        "dataset": {"rows": 900, "excluded": {"shadow": 2}, "rows_sha256": "2" * 64},
        "fit": {"recipe": "boosting", "seed": 4},
    },
]


@pytest.fixture(scope="module")
def tiny(mlflow_uri: str) -> str:
    """A registry with three versions of one model: the first made of nothing, then two that were trained and judged."""
    registry = MlflowRegistry(mlflow_uri)
    versions = [registered(registry, None, "tiny@1"), *(registered(registry, one, "tiny@2") for one in MANIFESTS)]
    for version, verdict in zip(versions[1:], ("passed", "refused"), strict=True):
        registry.attach(
            version,
            {MODEL_CARD: f"# tiny {version.version}\n\n- [no]: it is {verdict}.\n".encode()},
            {"verdict": verdict},
        )
    for alias, number in ((CHALLENGER, 3), (CANARY, 2), (CHAMPION, 1), (PREVIOUS, 1)):
        registry.set_alias("tiny", alias, number)
    return mlflow_uri


def registered(registry: MlflowRegistry, manifest: dict[str, dict[str, object]] | None, service: str) -> ModelVersion:
    rows = {ROWS_SHA256: str(manifest["dataset"]["rows_sha256"])} if manifest else {}
    recipe = str(manifest["fit"]["recipe"]) if manifest else "prior"
    return registry.register(
        "tiny",
        recipe.encode(),
        feature_service=service,
        feature_digest=service[-1] * 64,
        files={MANIFEST: json.dumps(manifest).encode()} if manifest else {},
        tags={"recipe": recipe} | rows,
    )


@pytest.fixture
async def history(nats_server: NatsServer) -> AsyncIterator[NatsHistory]:
    client = await connect(nats_server.url, "oo-tests")
    await streams.ensure(client.jetstream())
    yield NatsHistory(client.jetstream())
    await client.close()


@pytest.fixture
def oo(nats_url: str, tiny: str, tmp_path: Path) -> Oo:
    """The command line on a thread of its own, since it starts a loop."""
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(yaml.safe_dump(CATALOG))
    environment = {"COLUMNS": "200", "OO_NATS_URL": nats_url, "OO_MLFLOW_URL": tiny, "OO_CATALOG": str(catalog)}
    return partial(asyncio.to_thread, partial(CliRunner(env=environment).invoke, app))


async def tell(history: NatsHistory, kind: Kind, name: str, *steps: tuple[float, str, Stage, int, str, str]) -> None:
    """Write what became of a subject: hours after noon, version, stage, percent, champion, why."""
    subject, after = Subject(kind=kind, name=name), 0
    for hours, version, stage, percent, champion, why in steps:
        transition = Transition(
            subject=subject,
            version=version,
            stage=stage,
            percent=percent,
            champion=champion,
            at=NOON + hours * HOUR,
            who=f"who-{version}",
            why=why,
            evidence=EVIDENCE if stage == "champion" else None,
            image="sha256:beef",
        )
        after = (await history.append(transition, after=after)).sequence


async def tell_a_story(history: NatsHistory) -> None:
    await tell(
        history,
        "model",
        "tiny",
        (0, "1", "champion", 0, "1", "it served already"),
        (1, "2", "challenger", 0, "1", "it passed the gates"),
        (2, "2", "shadow", 0, "1", "look at it"),
        (3, "2", "canary", 10, "1", "a [bold]tenth[/bold]"),
        (3.5, "2", "canary", 10, "1", "hold on"),
        (4, "2", "champion", 0, "2", "it is better"),
        (5, "2", "rolled_back", 0, "1", "it was not"),
    )
    await tell(history, "policy", "acme", (2, "greedy@1", "champion", 0, "greedy@1", "the first policy"))
    await tell(history, "prompt", "acme", (2.5, "v2", "shadow", 0, "v1", "try it"))


def rows(table: str) -> list[str]:
    """The lines below a table's head, each column's padding one space."""
    return [" ".join(line.split()) for line in table.splitlines()[1:]]


async def test_the_list_has_every_version_once_with_all_its_aliases(oo: Oo) -> None:
    listed = await oo(["model", "list"])

    assert listed.exit_code == 0, listed.stderr
    found = [line.split(" ", 4) for line in rows(listed.stdout)]
    assert [(version, service) for _, version, service, *_ in found] == [
        ("1", "tiny@1"),
        ("2", "tiny@2"),
        ("3", "tiny@2"),
    ]
    assert [line[4] for line in found] == ["champion, previous", "canary", "challenger"]


async def test_show_tells_facts_verdict_history_and_card_of_the_champion_unless_told_otherwise(
    oo: Oo, history: NatsHistory
) -> None:
    await tell_a_story(history)

    shown, candidate = await oo(["model", "show", "tiny"]), await oo(["model", "show", "tiny", "canary"])

    assert (shown.exit_code, candidate.exit_code) == (0, 0)
    assert [line for line in rows(shown.stdout) if line.startswith("is ")] == ["is champion, previous"]
    assert "It has no model card" in shown.stdout
    facts, became, card = re.split(r"── .* ──", candidate.stdout)
    assert {"is canary", "verdict passed", "recipe forest", f"rows_sha256 {'1' * 64}"} < set(rows(facts))
    assert [line.split(" ")[5] for line in rows(became.strip())] == [
        "challenger",
        "shadow",
        "canary",
        "canary",
        "champion",
        "rolled",
    ]
    assert card.strip() == "# tiny 2\n\n- [no]: it is passed."


async def test_show_takes_a_number_and_says_when_nothing_is_recorded(oo: Oo, history: NatsHistory) -> None:
    await tell_a_story(history)

    shown = await oo(["model", "show", "tiny", "3"])

    assert shown.exit_code == 0
    assert "no rollout of it is recorded" in shown.stdout
    assert "# tiny 3" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("show", "nobody"), "no model 'nobody'; `oo model list`"),
        (("show", "tiny", "9"), "no version 9; it has 1, 2, 3"),
        (("show", "tiny", "shadow"), "no version shadow; it has 1, 2, 3"),
        (("diff", "tiny", "1", "best"), "no version best; it has 1, 2, 3"),
        (("history", "nobody"), "nothing of 'nobody'; it has tiny, acme"),
        (("at", "2026-11-01", "nobody"), "nothing of 'nobody'; it has tiny, acme"),
    ],
)
async def test_what_is_not_there_is_told_with_what_is(
    oo: Oo, history: NatsHistory, arguments: tuple[str, ...], fault: str
) -> None:
    await tell_a_story(history)

    ended = await oo(["model", *arguments])

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert fault in " ".join(ended.stderr.split())


async def test_diff_tells_recipe_dataset_metrics_and_features_that_differ_and_nothing_else(oo: Oo) -> None:
    of_manifests = await oo(["model", "diff", "tiny", "2", "challenger"])
    with_the_prior = await oo(["model", "diff", "tiny", "1", "2"])
    with_itself = await oo(["model", "diff", "tiny", "2", "canary"])

    assert [line.split(" ")[0] for line in rows(of_manifests.stdout)] == [
        *("digest", "verdict", "dataset.rows", "dataset.rows_sha256", "fit.recipe")
    ]
    assert "dataset.rows 600 900" in rows(of_manifests.stdout)
    assert "fit.recipe forest boosting" in rows(of_manifests.stdout)
    assert f"feature_digest {'1' * 64} {'2' * 64}" in rows(with_the_prior.stdout)
    assert "feature_service tiny@1 tiny@2" in rows(with_the_prior.stdout)
    assert "dataset.rows 600" in rows(with_the_prior.stdout)
    assert with_itself.stdout == "tiny 2 and 2 do not differ\n"
    assert {of_manifests.exit_code, with_the_prior.exit_code, with_itself.exit_code} == {0}


async def test_the_history_is_printed_as_it_was_written(oo: Oo, history: NatsHistory) -> None:
    await tell_a_story(history)

    told = await oo(["model", "history", "tiny"])
    of_tenant = await oo(["model", "history", "acme"])

    assert told.exit_code == 0
    assert rows(told.stdout)[3:6] == [
        "2026-11-01 15:00:00 model tiny 2 canary 10 % 1 who-2 a [bold]tenth[/bold] sha256:beef",
        "2026-11-01 15:30:00 model tiny 2 canary 10 % 1 who-2 hold on sha256:beef",
        "2026-11-01 16:00:00 model tiny 2 champion 2 who-2 it is better eeeeeeeeeeee sha256:beef",
    ]
    assert [line.split(" ")[2:5] for line in rows(of_tenant.stdout)] == [
        ["policy", "acme", "greedy@1"],
        ["prompt", "acme", "v2"],
    ]


@pytest.mark.parametrize(
    ("arguments", "live"),
    [
        (("2026-11-01T12:00Z",), ["model tiny 1 champion 2026-11-01 12:00:00 who-1 it served already eeeeeeeeeeee"]),
        (
            ("2026-11-01T15:45",),
            [
                "model tiny 1 champion 2026-11-01 12:00:00 who-1 it served already eeeeeeeeeeee",
                "model tiny 2 canary 10 % 2026-11-01 15:00:00 who-2 a [bold]tenth[/bold]",
                "policy acme greedy@1 champion 2026-11-01 14:00:00 who-greedy@1 the first policy eeeeeeeeeeee",
                "prompt acme v1 champion before the history",
                "prompt acme v2 shadow 2026-11-01 14:30:00 who-v2 try it",
            ],
        ),
        (
            ("2026-11-01T18:30+02:00", "tiny"),
            ["model tiny 2 champion 2026-11-01 16:00:00 who-2 it is better eeeeeeeeeeee"],
        ),
        (("2026-11-02", "tiny"), ["model tiny 1 champion 2026-11-01 17:00:00 who-2 it was not"]),
    ],
)
async def test_what_was_live_at_a_moment_is_told_with_who_and_why(
    oo: Oo, history: NatsHistory, arguments: tuple[str, ...], live: list[str]
) -> None:
    await tell_a_story(history)

    told = await oo(["model", "at", *arguments])

    assert told.exit_code == 0, told.stderr
    assert rows(told.stdout) == live


async def test_before_anything_nothing_was_live_and_a_wrong_moment_is_told(oo: Oo, history: NatsHistory) -> None:
    await tell_a_story(history)

    before, wrong = await oo(["model", "at", "2026-10-31", "tiny"]), await oo(["model", "at", "yesterday"])

    assert (before.exit_code, before.stdout) == (0, "nothing is recorded of what was live at 2026-10-31 00:00:00 UTC\n")
    assert wrong.exit_code == 2
    assert "2026-11-22T17:00 (UTC), 30m, 12h or 7d" in wrong.stderr


@pytest.mark.usefixtures("history")
async def test_without_its_servers_a_command_says_so(oo: Oo, nats_server: NatsServer) -> None:
    empty = await oo(["model", "history", "tiny"])
    nats_server.stop()
    away = await oo(["model", "at", "1h"])

    assert (empty.exit_code, away.exit_code) == (1, 1)
    assert "nothing of 'tiny'; it has nothing yet" in " ".join(empty.stderr.split())
    assert "is it running? `make up`" in " ".join(away.stderr.split())


async def test_champions_are_baked_into_a_folder_from_which_a_scorer_serves_them(
    oo: Oo, tiny: str, tmp_path: Path
) -> None:
    catalog = Catalog.model_validate({"feature_services": [{"name": "oven@1", "model": "oven", "columns": COLUMNS}]})
    (tmp_path / "catalog.yaml").write_text(yaml.safe_dump(catalog.model_dump(mode="json")))
    champion = bootstrap(MlflowRegistry(tiny), catalog.service("oven@1"))

    baked = await oo(["model", "bake", str(tmp_path / "models")])

    assert baked.exit_code == 0, baked.stderr
    assert baked.stdout == f"oven 1: {champion.digest}\n"
    serving = Champions(registry_of(ScorerSettings(models=tmp_path / "models")), catalog)
    serving.refresh()
    assert serving.of(catalog.service("oven@1")).version == champion


async def test_champions_that_no_scorer_would_serve_are_not_called_baked(oo: Oo, tmp_path: Path) -> None:
    missing = await oo(["model", "bake", str(tmp_path / "models")])
    (tmp_path / "catalog.yaml").write_text(yaml.safe_dump({"feature_services": CATALOG["feature_services"][:1]}))
    other_columns = await oo(["model", "bake", str(tmp_path / "models")])

    assert (missing.exit_code, other_columns.exit_code) == (1, 1)
    assert "new: no champion is there to bake" in missing.stderr
    assert "tiny@1 has no champion loaded" in other_columns.stderr
