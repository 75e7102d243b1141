"""The generator as a BentoML service: `bentoml serve bentos.generator.service:Generator`."""

from contextlib import AbstractAsyncContextManager

import bentoml

from bentos.generator.app import create_app
from bentos.lean import LEAN
from oo.decisions.generate import TipWriter
from oo.running import Running
from oo.settings import GeneratorSettings, read
from oo.wiring.access import access

_SETTINGS = read(GeneratorSettings)


def _connect() -> AbstractAsyncContextManager[Running[TipWriter]]:
    # Imported here, since BentoML's parent process imports this module too and answers nothing.
    from oo.wiring.generator import generator

    return generator(_SETTINGS)


_APP = create_app(_connect, access, _SETTINGS.max_body_bytes)
# Past our own caps, so that it is they that end a slow call, with a tip.
_TIMEOUT = _SETTINGS.llm_timeout + 10


@bentoml.service(name="oo_generator", traffic={"timeout": _TIMEOUT}, **LEAN)
@bentoml.asgi_app(_APP, path="/")
class Generator:
    """Writes a tip for a person."""

    async def __is_ready__(self) -> bool:
        """False until requests can take the full path."""
        return bool(_APP.state.running.ready)
