"""The commands for model cards."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from oo.cli.surroundings import err, out, pipeline_settings, telling_errors
from oo.errors import InvalidCard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oo.cards.facts import Facts
    from oo.cards.shelf import Shelf

app = typer.Typer(no_args_is_help=True, help="See what is known of models, policies and the generator, and renew it.")
Name = Annotated[str | None, typer.Argument(help="Such as digits, policy-thompson or generator; all unless named.")]


@app.command("write")
def write_cards(name: Name = None) -> None:
    """Renew the facts of model_cards/NAME.md; what people wrote around them stays.

    The facts of a model are those of its version on trial, else of its champion, and the card is put beside that
    version in the registry too: a rollout goes by it. Those of policies and the generator follow from the catalog, the
    prompts and the code.
    """
    from oo.wiring.cards import keep

    with telling_errors():
        shelf, facts = _known(name)
        for each, of in facts.items():
            path = shelf.renew(each, of)
            if of.kind == "model":
                asyncio.run(keep(pipeline_settings(), each, path.read_text(encoding="utf-8")))
            out.print(str(path.relative_to(shelf.folder.parent)), highlight=False)
        shelf.write_schema()


@app.command("check")
def check_cards(name: Name = None) -> None:
    """Say what a card lacks before anything is promoted by it: a section that people write, or the facts of today.

    Exits with 1 when there is something.
    """
    with telling_errors():
        shelf, facts = _known(name)
        found = {each: shelf.faults(each, of) for each, of in facts.items()}
    for each, faults in found.items():
        for fault in faults:
            err.print(f"{shelf.path(each).name}: {fault}", highlight=False, soft_wrap=True)
    if any(found.values()):
        raise typer.Exit(1)
    out.print(f"complete and current: {', '.join(found)}", highlight=False)


def _known(name: str | None) -> "tuple[Shelf, Mapping[str, Facts]]":
    from oo import catalog as catalogs
    from oo.cards.shelf import Shelf, declared
    from oo.prompts.library import PromptLibrary
    from oo.wiring.cards import model_facts

    settings = pipeline_settings()
    catalog = catalogs.load(settings.catalog)
    known = declared(catalog, PromptLibrary.load())
    models = {service.model for service in catalog.feature_services}
    if name is not None and name not in {*known, *models}:
        raise InvalidCard(f"there is no {name!r}; there are {', '.join((*known, *sorted(models)))}")
    facts: dict[str, Facts] = {each: of() for each, of in known.items() if name in {None, each}}
    for model in sorted(models if name is None else models & {name}):
        if told := asyncio.run(model_facts(settings, model)):
            facts[model] = told
        elif name is not None:
            raise InvalidCard(f"the champion of {name!r} was made by no pipeline: there are no facts of it yet")
    return Shelf(settings.model_cards), facts
