"""The generator as a BentoML service: `bentoml serve bentos.generator.service:Generator`."""

import bentoml

from bentos.generator.app import create_app
from oo.settings import GeneratorSettings, read
from oo.wiring.generator import generator

_SETTINGS = read(GeneratorSettings)
_APP = create_app(lambda: generator(_SETTINGS), _SETTINGS.max_body_bytes)
# Past our own caps, so that it is they that end a slow call, with a tip.
_TIMEOUT = _SETTINGS.llm_timeout + 10


@bentoml.service(name="oo_generator", workers=1, traffic={"timeout": _TIMEOUT}, logging={"access": {"enabled": False}})
@bentoml.asgi_app(_APP, path="/")
class Generator:
    """Writes a tip for a person."""

    async def __is_ready__(self) -> bool:
        """False until requests can take the full path."""
        return bool(_APP.state.running.ready)
