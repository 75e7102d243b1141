import json

from nats.js import JetStreamContext
from nats.js.errors import APIError

from oo.bus.server_codes import NOTHING_TO_DELETE

_SECONDS = 30.0
"""To overwrite takes a while on a slow disk; the client's own way to delete waits for no more than five."""


async def delete(js: JetStreamContext, stream: str, sequence: int) -> bool:
    """Delete one message, its bytes overwritten on the server's disk; False when it was gone already.

    Raises:
        nats.errors.Error: the server did not answer, or refused.
    """
    request = json.dumps({"seq": sequence}).encode()
    try:
        await js._api_request(f"$JS.API.STREAM.MSG.DELETE.{stream}", request, timeout=_SECONDS)  # noqa: SLF001
    except APIError as error:
        if error.err_code != NOTHING_TO_DELETE:
            raise
        return False
    return True
