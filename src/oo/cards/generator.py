from oo.cards.facts import GeneratorFacts, PromptFacts
from oo.llm.guardrails import Guardrails
from oo.prompts.library import PromptLibrary


def generator_facts(library: PromptLibrary, guardrails: Guardrails) -> GeneratorFacts:
    """The facts of the generator: each released prompt version, and who answers for what is refused."""
    owners: dict[str, set[str]] = {}
    for rule in guardrails.rules:
        owners.setdefault(rule.file.fault, set()).add(rule.file.owner)
    return GeneratorFacts(
        name="generator",
        guardrails={fault: ", ".join(sorted(of)) for fault, of in sorted(owners.items())},
        prompts=tuple(_prompt(library, version) for version in library.released),
    )


def _prompt(library: PromptLibrary, version: str) -> PromptFacts:
    prompt = library.prompts[version]
    file = prompt.file
    return PromptFacts(
        version=version,
        owner=file.owner,
        released_on=file.released_on.isoformat(),
        hash=prompt.hash,
        languages=tuple(file.template),
        topics=file.output.topics,
        variables=file.variables,
        parameters=file.parameters.model_dump(mode="json"),
        retired=version in library.retired,
    )
