"""The command that writes a tip."""

import asyncio
import json
import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import JsonValue
from rich.markup import escape

from oo.cli.surroundings import err, out, telling_errors
from oo.settings import GeneratorSettings, read

if TYPE_CHECKING:
    from oo.writing.order import Order
    from oo.writing.tip import Written


def generate(  # noqa: PLR0913  # an option each
    topic: Annotated[str | None, typer.Argument(help="What the tip should be about, in anybody's words.")] = None,
    *,
    prompt: Annotated[str | None, typer.Option(help="A released version; DEFAULT_PROMPT_VERSION unless named.")] = None,
    locale: Annotated[str | None, typer.Option(help="The language to write in, such as de-AT.")] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="JSON", help="""Such as '{"goal": "rest"}'; see `oo profile show`.""")
    ] = None,
    signals: Annotated[
        str | None, typer.Option(metavar="JSON", help="""Folded ones, such as '{"sleep_hours_last": 5}'.""")
    ] = None,
    recent: Annotated[
        list[str] | None, typer.Option(metavar="TITLE", help="A tip seen lately; may be given often. From v3 on.")
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many different tips, no more than /generate gives.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="For the draw of the words.")] = 0,
    show: Annotated[bool, typer.Option("--show", help="Print first what the language model is sent.")] = False,
) -> None:
    """Write a tip here and now, to try a prompt or a language model.

    It is written as /generate writes it: what reads like an instruction is withheld, the guardrails look at the answer,
    one repair, the caps on time, tokens and money. But nothing is read from the bus, nothing is recorded, nothing is
    kept in the cache, and the day's budget is this command's own.

    The model is the one that the settings name: offline by default, a real one with OO_LLM_MODEL, OO_LLM_API_BASE,
    OO_LLM_API_KEY and OO_LLM_PRICES.

      oo generate "sleep better" --prompt v3 --locale de --show

    Exits with 0 after a tip, whoever wrote it; with 1 when the prompt, the profile or the settings are refused.
    """
    from oo.decisions.generate_http import MOST_TIPS
    from oo.prompt_printing import rendered_lines, written_table
    from oo.prompts.library import PromptLibrary
    from oo.wiring.prompt_trial import paid_writer
    from oo.writing.order import Facts, Order
    from oo.writing.trials import SOMEBODY

    if n > MOST_TIPS:
        raise typer.BadParameter(f"-n: at most {MOST_TIPS} tips are written at once")
    told, folded = _object("--profile", profile), _object("--signals", signals)

    async def run() -> "tuple[Order, Written, float]":
        settings = read(GeneratorSettings)
        facts = Facts(_admitted(told), _known_signals(folded), topic, tuple(recent or ()))
        chosen = PromptLibrary.load().get(prompt or settings.default_prompt_version)
        async with paid_writer(settings, settings.llm_daily_usd) as paid:
            writer = paid.writer
            withholds = writer.guardrails.withholds
            order = Order.of(chosen, facts, withholds=withholds, locale=locale, user_id=SOMEBODY, count=n, seed=seed)
            if show:
                tokens = writer.gateway.gateway.quote(order.request(0)).prompt_tokens
                for line in rendered_lines(order.rendered, tokens):
                    out.print(line, soft_wrap=True)
            started = time.monotonic()
            written = await writer.write(order, account="terminal", until=started + settings.llm_timeout)
            return order, written, time.monotonic() - started

    with telling_errors():
        order, written, seconds = asyncio.run(run())
    out.print(written_table(order, written, seconds), highlight=False)


def _object(option: str, text: str | None) -> dict[str, JsonValue]:
    try:
        value = json.loads(text or "{}")
    except ValueError as error:
        raise typer.BadParameter(f"{option} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise typer.BadParameter(f'{option} is no JSON object, such as {{"goal": "rest"}}')
    return value


def _admitted(profile: dict[str, JsonValue]) -> dict[str, JsonValue]:
    from oo.features.profile_admission import ProfileAdmission
    from oo.features.profile_schema import FEATURE_OF

    _tell_ignored(profile, FEATURE_OF, "profile feature; `oo profile show` lists them")
    return ProfileAdmission().admit(profile) or {}


def _known_signals(signals: dict[str, JsonValue]) -> dict[str, JsonValue]:
    from oo.features.families import FAMILY_OF

    _tell_ignored(signals, FAMILY_OF, f"signal feature; known: {', '.join(FAMILY_OF)}")
    for name, value in signals.items():
        if not isinstance(value, (int, float)):
            raise typer.BadParameter(f"--signals: {name!r} is no number, and the folds give nothing else")
    return {name: value for name, value in signals.items() if name in FAMILY_OF}


def _tell_ignored(given: Collection[str], known: Collection[str], what: str) -> None:
    for name in given:
        if name not in known:
            err.print(f"ignored: {escape(name)} is no {what}", style="yellow", highlight=False, soft_wrap=True)
