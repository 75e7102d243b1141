"""The scorer as a BentoML service: `bentoml serve bentos.scorer.service:Scorer`."""

from contextlib import AbstractAsyncContextManager

import bentoml

from bentos.lean import LEAN
from bentos.scorer.app import create_app
from oo.decisions import score
from oo.running import Running
from oo.settings import ScorerSettings, read
from oo.wiring.access import access

_SETTINGS = read(ScorerSettings)


def _connect() -> AbstractAsyncContextManager[Running[score.Scorer]]:
    # Imported here, since BentoML's parent process imports this module too and answers nothing.
    from oo.wiring.scorer import scorer

    return scorer(_SETTINGS)


_APP = create_app(_connect, access, _SETTINGS.max_body_bytes)


@bentoml.service(name="oo_scorer", traffic={"timeout": 10}, **LEAN)
@bentoml.asgi_app(_APP, path="/")
class Scorer:
    """Decides which tip a person sees."""

    async def __is_alive__(self) -> bool:
        """False when a task that keeps the scorer current has ended: only a restart mends that."""
        return bool(_APP.state.running.alive)

    async def __is_ready__(self) -> bool:
        """False until every feature service has its champion."""
        return bool(_APP.state.running.ready)
