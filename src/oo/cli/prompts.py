"""The commands for prompt versions."""

import asyncio
import json
import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import JsonValue
from rich.console import Console
from rich.text import Text

from oo.cli.surroundings import err, out, pipeline_settings, telling_errors
from oo.printing import progress_bar
from oo.settings import GeneratorSettings, LanguageModelSettings, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from oo.prompts.library import Prompt, PromptLibrary, Rendered
    from oo.prompts.prompt_file import Fixture
    from oo.writing.evaluation import Report
    from oo.writing.trials import Trial

app = typer.Typer(no_args_is_help=True)

_Version = Annotated[str, typer.Argument(help="Such as v2; `oo prompt list` shows them.")]


@app.callback()
def choose_folder(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Prompts other than those that come with oO, such as a copy to draft in."
        ),
    ] = None,
) -> None:
    """See, try, judge, release and retire prompt versions."""
    from oo.prompts.library import TIPS

    context.obj = folder or TIPS


def _library(context: typer.Context) -> "PromptLibrary":
    from oo.prompts.library import PromptLibrary

    return PromptLibrary.load(context.obj)


def _released(library: "PromptLibrary", version: str) -> "Prompt":
    """Also a retired one, which may still be looked at."""
    return library.prompts[version] if version in library.retired else library.get(version)


@app.command("list")
def list_prompts(context: typer.Context) -> None:
    """Print every released version, oldest first.

    The state is `default` (requests that name none get it: DEFAULT_PROMPT_VERSION), `live` or `retired`, with the
    reason. Tokens are the most that an answer may have. Exits with 1 when a file is not what was released.
    """
    from oo.prompt_printing import prompt_table

    with telling_errors():
        table = prompt_table(_library(context), read(GeneratorSettings).default_prompt_version)
    Console(width=1_000).print(table)  # whole lines: a reason that is cut says nothing


@app.command("show")
def show_prompt(context: typer.Context, version: _Version) -> None:
    """Print a version's file, byte for byte; its SHA-256 and what the lock says of it go to standard error.

    Exits with 0 when the file is what was released, else with 1.
    """
    from oo.prompts.released_file import released_file

    with telling_errors():
        found = released_file(context.obj, version)
    typer.echo(found.content, nl=False)
    err.print(Text(found.verdict, style="dim" if found.agrees else "red"), soft_wrap=True)
    if not found.agrees:
        raise typer.Exit(1)


@app.command("render")
def render_prompt(
    context: typer.Context,
    version: _Version,
    *,
    fixture: Annotated[str | None, typer.Option(help="One of the version's own people, by name.")] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="JSON where it is JSON, else text; null for what is not known."),
    ] = None,
    language: Annotated[str | None, typer.Option(help="Such as de; without it the fixture's, or the first.")] = None,
) -> None:
    """Print what a language model is sent, for one of the version's fixtures (the first unless named) or for values.

      oo prompt render v2 --fixture "a short night"

      oo prompt render v2 --value topic=sleep --value 'profile={"goal": "rest"}' --value signals=null --language de

    Each declared variable needs a value, and no other may have one: exits with 1 and its name. Nothing is withheld
    here; `oo generate --show` prints what is left once the guardrails have looked at it. A token is taken for four
    characters.
    """
    from oo.prompt_printing import rendered_lines

    if fixture is not None and value:
        raise typer.BadParameter("give --fixture or --value, not both")
    with telling_errors():
        prompt = _released(_library(context), version)
        if language is not None and language not in prompt.file.template:
            raise typer.BadParameter(f"{version} writes {', '.join(prompt.file.template)}, not {language!r}")
        if value:
            values, spoken = dict(map(_named_value, value)), prompt.language_for(None)
        else:
            chosen = _fixture(prompt, fixture)
            values, spoken = chosen.values, chosen.language
        rendered = prompt.render(values, language or spoken)
    for line in rendered_lines(rendered, _about(rendered)):
        out.print(line, soft_wrap=True)


def _fixture(prompt: "Prompt", name: str | None) -> "Fixture":
    known = {fixture.name: fixture for fixture in prompt.file.fixtures}
    if name is None:
        return prompt.file.fixtures[0]
    if name not in known:
        raise typer.BadParameter(f"{prompt.version} has no fixture {name!r}; it has {', '.join(map(repr, known))}")
    return known[name]


def _about(rendered: "Rendered") -> int:
    from oo.llm.gateway import CompletionRequest, Message
    from oo.llm.offline_gateway import OfflineGateway

    messages = (Message("system", rendered.system), Message("user", rendered.user))
    request = CompletionRequest(messages, schema={}, max_tokens=1, temperature=0, seed=0)
    return OfflineGateway().quote(request).prompt_tokens


def _named_value(text: str) -> tuple[str, JsonValue]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is no NAME=VALUE, such as topic=sleep")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


@app.command("diff")
def diff_prompts(
    context: typer.Context,
    before: Annotated[str, typer.Argument(help="The older version, such as v1.")],
    after: Annotated[str, typer.Argument(help="The newer one, such as v2.")],
) -> None:
    """Print what differs between two versions: fields as a table, the two texts as a unified diff. Exits with 0."""
    from oo.prompt_printing import field_table, text_lines
    from oo.prompts.differences import differences

    with telling_errors():
        library = _library(context)
        found = differences(_released(library, before), _released(library, after))
    if found.fields:
        Console(width=1_000).print(field_table(before, after, found))
    for line in text_lines(found):
        out.print(line, soft_wrap=True)


@app.command("lock")
def lock_prompts(context: typer.Context) -> None:
    """Release the prompt files that are not in the lock yet; a released one is never edited again."""
    from oo.prompts.lock import write_lock

    with telling_errors():
        for name in write_lock(context.obj):
            out.print(f"released {name}", highlight=False)


@app.command("retire")
def retire_prompt(
    context: typer.Context,
    version: _Version,
    *,
    why: Annotated[str, typer.Option(help="For whoever asks for it afterwards, such as 'v2 is shorter'.")],
) -> None:
    """Take a version out of use: requests that name it are refused with the reason, its file stays.

    Refused, with exit code 1, for a version that something still writes with (the default, the prompt on trial, an
    experiment in the catalog) and for the last one. It is written into retired.yaml; running services read that when
    they start.
    """
    from oo.prompts.prompt_file import Retirement
    from oo.prompts.retire import retire
    from oo.wiring.process import now

    if not why.strip():
        raise typer.BadParameter("say why, in a few words")
    with telling_errors():
        retire(context.obj, version, Retirement(retired_on=now().date(), why=why.strip()), _in_use())
    out.print(f"{version} is retired", highlight=False)


def _in_use() -> dict[str, str]:
    """What writes with a version, as far as this environment and catalog tell."""
    from oo import catalog as catalogs

    settings = read(GeneratorSettings)
    used = {
        variant.prompt_version: f"in experiment {tenant.prompt_experiment.name!r} of tenant {tenant.name!r}"
        for tenant in catalogs.load(pipeline_settings().catalog).tenants
        if tenant.prompt_experiment
        for variant in tenant.prompt_experiment.variants
    }
    if settings.shadow_prompt_version is not None:
        used[settings.shadow_prompt_version] = "on trial (OO_SHADOW_PROMPT_VERSION)"
    return used | {settings.default_prompt_version: "the default (DEFAULT_PROMPT_VERSION)"}


@app.command("eval")
def evaluate_prompt(  # noqa: PLR0913  # an option each
    context: typer.Context,
    version: Annotated[str | None, typer.Argument(help="Such as v3; the newest unless named.")] = None,
    *,
    against: Annotated[str | None, typer.Option(help="The version to compare with; the one before it.")] = None,
    obey: Annotated[
        bool, typer.Option("--obey", help="Ask no model: take one that does what every attack tells it.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Try a sample of so many, for a slow model.")] = None,
    seed: Annotated[int, typer.Option(help="For the sample, and for the model's draw of words.")] = 0,
    at_once: Annotated[int, typer.Option(min=1, max=64, help="Calls under way at the same time.")] = 1,
    max_usd: Annotated[float, typer.Option(min=0.0001, help="What all calls together may cost, in US dollars.")] = 1.0,
    record: Annotated[
        Path | None, typer.Option(file_okay=False, help="Keep answers in this folder; ask no model twice.")
    ] = None,
) -> None:
    """Judge a version by what a person would see of it, next to the version before it.

    It writes a tip for each of the version's fixtures, for ordinary requests, and for the red team's attacks whose text
    could reach a prompt (signals and integrations are folded into numbers). Everything runs as in production: the
    guardrails, one repair, the caps on time, tokens and money. The model is the one that the settings name: offline by
    default, a real one with OO_LLM_MODEL, OO_LLM_API_BASE, OO_LLM_API_KEY and OO_LLM_PRICES.

    With --obey it runs all attacks, wherever they stand, against a model that does what the attack says, and does it
    again when it is asked to repair.

    A check counts the tips whose answers had no such fault; `no repair`, those whose first answer could be shown; `no
    template`, those that a model wrote. It regressed when more trials got worse than better, beyond chance: an exact
    one-sided sign test over the same trials, at 1 %; of 30 trials or fewer, any fall of a check that was perfect.

    When --max-usd is spent it stops, compares what it has, and says so.

    Exits with 0 when the version may go out; with 1 when a check regressed, when a person would read what an attack
    wants (the case is named), or when the model answered nothing.
    """
    from oo.prompt_printing import failure_lines, obedience_table, report_lines

    if obey and (against or record):
        raise typer.BadParameter("--obey asks no model and compares nothing; leave out --against and --record")
    with telling_errors(), _logging_each_once():
        library = _library(context)
        prompt = _released(library, version or library.versions[-1])
        before = None if obey else _before(library, prompt, against)
        trials = _trials(prompt, limit, seed, obey=obey)
        prompts = [prompt] if before is None else [prompt, before]
        reports, usd = asyncio.run(
            _evaluated(prompts, trials, obey=obey, seed=seed, at_once=at_once, max_usd=max_usd, record=record)
        )
    now = reports[0]
    if obey:
        Console(width=1_000).print(obedience_table(now))
        failures = [*failure_lines(now)]
    else:
        failures = _told_checks(reports)
    for report in reports:
        for line in report_lines(report):
            out.print(line, highlight=False, soft_wrap=True)
    out.print(f"cost: {usd:.4f} US dollars", highlight=False)
    if failures:
        for line in failures:
            err.print(Text(line, style="red"), soft_wrap=True)
        raise typer.Exit(1)


@contextmanager
def _logging_each_once() -> "Iterator[None]":
    """A model that is not there is told once, not with every tip."""
    logger, told = logging.getLogger("oo.writing.writer"), set[str]()

    def is_new(record: logging.LogRecord) -> bool:
        known = record.getMessage() in told
        told.add(record.getMessage())
        return not known

    logger.addFilter(is_new)
    try:
        yield
    finally:
        logger.removeFilter(is_new)


def _before(library: "PromptLibrary", prompt: "Prompt", against: str | None) -> "Prompt | None":
    if against is not None:
        return _released(library, against)
    position = library.released.index(prompt.version)
    return library.prompts[library.released[position - 1]] if position else None


def _trials(prompt: "Prompt", limit: int | None, seed: int, *, obey: bool) -> "tuple[Trial, ...]":
    from oo.writing import trials

    everybody = trials.attacks() if obey else trials.of_prompt(prompt)
    return trials.sample(everybody, limit, seed)


async def _evaluated(  # noqa: PLR0913  # by name
    prompts: "Sequence[Prompt]",
    trials: "Sequence[Trial]",
    *,
    obey: bool,
    seed: int,
    at_once: int,
    max_usd: float,
    record: Path | None,
) -> "tuple[tuple[Report, ...], float]":
    from oo.wiring.prompt_trial import paid_writer
    from oo.writing.evaluation import evaluate
    from oo.writing.obedient_gateway import obeying

    settings = read(LanguageModelSettings)
    if obey:
        settings = settings.model_copy(update={"llm_model": ("offline",)})
    with progress_bar(err, "tips") as progress:
        async with paid_writer(settings, max_usd, recordings=record) as paid:
            reports = await evaluate(
                prompts,
                trials,
                lambda trial: obeying(paid.writer, trial.case) if obey and trial.case else paid.writer,
                seconds=settings.llm_timeout,
                seed=seed,
                at_once=at_once,
                spent=lambda: paid.purse.empty,
                progress=progress,
            )
    return reports, paid.purse.usd


def _told_checks(reports: "tuple[Report, ...]") -> list[str]:
    from oo.prompt_printing import check_table, comparison_table, failure_lines
    from oo.writing.checks import CHECKS, compare

    now, *others = reports
    compared = compare(now, others[0]) if others else ()
    if others:
        Console(width=1_000).print(comparison_table(now.version, others[0].version, compared))
    else:
        Console(width=1_000).print(check_table(now.version, {check.name: check.share(now) for check in CHECKS}))
        out.print(f"{now.version} is the first version: there is none to compare with", highlight=False)
    failures = [*failure_lines(now, compared)]
    if not CHECKS[0].share(now).passed:
        failures.append("the language model answered nothing, so nothing is known of the prompt")
    return failures
