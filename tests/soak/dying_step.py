"""The steps of the training pipeline over one folder, and a process that is killed in the middle of one.

Where it is killed is counted in what the step does to the outside, not in time: at the n-th file that it writes, half
of which is written then, or before the n-th request that changes something in the registry or the history.
"""

import json
import os
import signal
from collections.abc import Callable, Mapping
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from nats.js import JetStreamContext
from requests import PreparedRequest, Session  # type: ignore[import-untyped]  # it ships no types

from oo.offline.store import OfflineStore
from oo.settings import PipelineSettings
from oo.wiring.steps import LATEST
from oo.wiring.steps.assemble import assemble_shard, merge_shards, plan_shards
from oo.wiring.steps.fit import fit
from oo.wiring.steps.judge import judge
from oo.wiring.steps.propose import propose
from oo.wiring.steps.register import register
from tests.integration.training_places import AS_OF, WORDS

NAME = "digits@1"

Step = Callable[[PipelineSettings, Path], object]


def _plan(settings: PipelineSettings, folder: Path) -> None:
    planned = json.dumps(plan_shards(settings, table_version=LATEST, shards=2))
    (folder / "planned").write_text(planned)  # as KFP hands it on


def _assemble(settings: PipelineSettings, folder: Path) -> None:
    for place, planned in enumerate(json.loads((folder / "planned").read_text())):
        assemble_shard(settings, NAME, as_of=AS_OF.isoformat(), planned=planned, shard=folder / f"shard-{place}")


def _register(settings: PipelineSettings, folder: Path) -> None:
    version = register(settings, NAME, **_trained(folder), card=WORDS, verdict=folder / "verdict")
    (folder / "version").write_text(str(version))  # the same


def _propose(settings: PipelineSettings, folder: Path) -> None:
    version = int((folder / "version").read_text())
    propose(settings, NAME, version=version, verdict=folder / "verdict")


def _trained(folder: Path) -> dict[str, Any]:
    return {"dataset": folder / "dataset", "candidate": folder / "candidate"}


STEPS: Mapping[str, Step] = {
    "plan": _plan,
    "assemble": _assemble,
    "merge": lambda settings, folder: merge_shards(
        settings, NAME, shards=sorted(folder.glob("shard-*")), dataset=folder / "dataset"
    ),
    "fit": lambda settings, folder: fit(settings, NAME, **_trained(folder), seed=4),
    "judge": lambda settings, folder: judge(settings, NAME, **_trained(folder), card=WORDS, verdict=folder / "verdict"),
    "register": _register,
    "propose": _propose,
}
"""Each finds in the folder what those before it have left there."""

_FILES = ((Path, "write_bytes"), (Path, "write_text"), (Path, "replace"))
_CHANGES: Mapping[str, tuple[tuple[type, str], ...]] = {
    "plan": ((OfflineStore, "version"),),
    "assemble": _FILES,
    "merge": _FILES,
    "fit": _FILES,
    "judge": _FILES,
    "register": ((Session, "send"),),
    "propose": ((Session, "send"), (JetStreamContext, "publish")),
}

# A fork of a process that has done nothing but import: seconds less for each death, and no threads to be forked along.
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, "pytest"])


def dies_at(change: int, step: str, settings: PipelineSettings, folder: Path) -> bool:
    """Do a step in a process that is killed at its `change`-th change of the outside, from 0.

    Returns:
        Whether it was killed; False when the step came to its end with fewer changes.
    """
    process = _CONTEXT.Process(target=_dying, args=(change, step, settings, folder))
    process.start()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}, f"{step} ended with {process.exitcode}"
    return process.exitcode != 0


def _dying(change: int, step: str, settings: PipelineSettings, folder: Path) -> None:
    changes = count()
    for owner, name in _CHANGES[step]:
        setattr(owner, name, _deadly(getattr(owner, name), lambda: next(changes) == change))
    STEPS[step](settings, folder)


def _deadly(call: Callable[..., Any], is_its_turn: Callable[[], bool]) -> Callable[..., Any]:
    def called(*given: Any, **named: Any) -> Any:  # noqa: ANN401  # whatever it takes and returns
        if not _only_reads(given[-1]) and is_its_turn():
            if call.__name__.startswith("write"):
                path, content = given
                call(path, content[: len(content) // 2], **named)
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **named)

    return called


def _only_reads(asked: object) -> bool:
    """Whether this is a request that changes nothing."""
    return isinstance(asked, PreparedRequest) and (asked.method == "GET" or asked.path_url.endswith("/search"))
