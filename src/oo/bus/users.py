"""The users of the bus in a cluster: a Secret with a password for each role, and one for the server."""

import json
import secrets
from collections.abc import Mapping
from typing import Protocol

from oo.bus.roles import ROLES, Role, accounts

SERVER = "server"
"""The Secret of the NATS server ends so."""


class Secrets(Protocol):
    """Secrets by name: fields and their values."""

    def get(self, name: str) -> Mapping[str, str] | None:
        """The fields of one; None when there is none.

        Raises:
            SecretsRefused: it may not be read, or nobody answers.
        """
        ...

    def put(self, name: str, fields: Mapping[str, str]) -> None:
        """Make it, or give it these fields.

        Raises:
            SecretsRefused: it may not be written, or nobody answers.
        """
        ...


def make(kept: Secrets, prefix: str) -> list[str]:
    """See that `<prefix>-<role>` holds `user` and `password` of each role, and `<prefix>-server` all of them.

    A password that is there stays: whoever deletes a role's Secret and calls this gives it a new one. The server's
    Secret has them in plain text, like those of the roles beside it: a hash would protect nothing here.

    Args:
        kept: where the Secrets are.
        prefix: such as `oo-nats`.

    Returns:
        The names of the Secrets that are new or have changed.

    Raises:
        SecretsRefused: one could not be read or written; what was written stays, and to call again goes on.
    """
    changed, passwords = [], dict[Role, str]()
    for role in ROLES:
        name = f"{prefix}-{role}"
        found = kept.get(name)
        passwords[role] = (found or {}).get("password") or secrets.token_urlsafe(32)
        wanted = {"user": role, "password": passwords[role]}
        if found != wanted:
            kept.put(name, wanted)
            changed.append(name)
    server = {"auth.conf": accounts(lambda role: json.dumps(passwords[role]))}
    name = f"{prefix}-{SERVER}"
    if kept.get(name) != server:
        kept.put(name, server)
        changed.append(name)
    return changed
