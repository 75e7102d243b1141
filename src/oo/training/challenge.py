"""A candidate before the gates."""

from collections.abc import Sequence

from oo.errors import UnknownModel
from oo.features.services import FeatureService
from oo.registry.registry import CHAMPION, ModelVersion, Registry
from oo.training.candidate import Candidate
from oo.training.dataset import Dataset
from oo.training.evidence import Entrant, gather
from oo.training.gates import GATES
from oo.training.gates import gate as gates
from oo.training.prior import prior
from oo.training.verdict import Verdict


def judge(
    registry: Registry, service: FeatureService, candidate: Candidate, dataset: Dataset, *, named: Sequence[str] = ()
) -> Verdict:
    """Judge the candidate's own file against the champion's on the holdout.

    Args:
        registry: holds the champion.
        service: the columns as the catalog declares them now.
        candidate: the file to judge.
        dataset: what it was fitted on, and the newer rows that judge it.
        named: columns, as `source.name`, that nobody may be worse off by; those that the model's card names.

    Raises:
        UnknownColumn: the feature service has no column that `named` asks for.
        UnknownModel: there is no champion to judge against.
        RegistryUnreachable: the registry did not answer.
    """
    champion = registry.by_alias(service.model, CHAMPION)
    if champion is None:
        raise UnknownModel(f"model {service.model!r} has no champion to judge against; run `oo bootstrap` first")
    evidence = gather(
        service,
        dataset,
        challenger=Entrant(candidate.onnx, dataset.manifest.feature_digest),
        champion=_to_beat(registry, champion, service),
        parity_difference=candidate.report.parity_difference,
        named=named,
    )
    return Verdict(champion=champion.version, reasons=gates.judge(evidence, GATES))


def _to_beat(registry: Registry, champion: ModelVersion, service: FeatureService) -> Entrant:
    if champion.feature_digest != service.digest:
        # It cannot read these rows, so it cannot serve either: what is left to beat is knowing nothing.
        return Entrant(prior(service), service.digest)
    return Entrant(registry.load(champion), champion.feature_digest)
