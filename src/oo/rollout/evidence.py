"""What a step of a rollout is decided by."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from pydantic import AwareDatetime

from oo.registry.history import Sha256
from oo.rollout.canary_report import CanaryReport
from oo.rollout.comparison import Report
from oo.rollout.rollout import Rollout
from oo.rollout.shadow_report import ShadowReport


class Artefact(Report):
    """What a version is, byte for byte."""

    digest: Sha256
    """Of the file that would serve: the ONNX file, the policy's parameters or the prompt."""
    feature_digest: str | None = None
    """Of the columns that it was made for; None for what reads none."""


class Condition(Report):
    """Something that must hold at every step, such as a gate's pass or a complete model card."""

    name: str
    met: bool
    sentence: str


class Evidence(Report):
    """All that was found out about a candidate. What could not be found out is None or absent, and holds the step."""

    version: str
    """The candidate that it is about."""
    collected_at: AwareDatetime
    artefact: Artefact | None = None
    """The candidate as its registry holds it now."""
    served_feature_digest: str | None = None
    """Of the columns that serving encodes now; None for what reads none."""
    conditions: tuple[Condition, ...] = ()
    """At least one, or nobody has judged the candidate."""
    shadow: ShadowReport | None = None
    """Of its time as a shadow."""
    canary: CanaryReport | None = None
    """Of its present canary step."""
    unreachable: tuple[str, ...] = ()
    """What could not be asked, a sentence each with the remedy."""
    documents: Mapping[str, str] = {}
    """Texts that the conditions rest on, by file name, such as the gates' verdict and the training manifest."""


class EvidenceSource(Protocol):
    """Finds out. One for each kind of subject."""

    async def collect(self, rollout: Rollout, now: datetime) -> Evidence:
        """All there is to know of the candidate at this moment; what cannot be asked is named in `unreachable`."""
        ...
