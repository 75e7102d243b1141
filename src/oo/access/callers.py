"""Who may ask a service: the callers file, with tokens and the tenants for which each caller may ask."""

import hmac
import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import yaml

from oo.errors import InvalidSettings, TenantNotAllowed, Unauthorized

_log = logging.getLogger(__name__)

SHORTEST_TOKEN = 32
_NAME = re.compile(r"[a-z0-9_-]{1,31}")  # shorter than a token, so that none is ever read as a name
_TOKEN = re.compile(rf"[!-~]{{{SHORTEST_TOKEN},}}")
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that asks."""

    name: str
    tenants: frozenset[str] | None = None
    """Those for which it may ask; None is for every one."""

    def check(self, tenant: str) -> None:
        """Refuse what is not for this caller to ask.

        Raises:
            TenantNotAllowed: its entry leaves this tenant out.
        """
        if self.tenants is not None and tenant not in self.tenants:
            raise TenantNotAllowed(
                f"caller {self.name!r} may not ask for tenant {tenant!r}; its entry in the callers file says for which"
            )


class Callers(Protocol):
    """Those who may ask."""

    def of(self, authorization: str | None) -> Caller:
        """Whoever sends this `authorization` header.

        Raises:
            Unauthorized: nobody of them does.
        """
        ...


class Anyone:
    """No token is asked for: where a network or a gateway sees to who may ask."""

    def of(self, authorization: str | None) -> Caller:  # noqa: ARG002  # the port's signature
        """As in `Callers`: somebody, whatever they send."""
        return _SOMEBODY


_SOMEBODY = Caller("anyone")


class _Known(NamedTuple):
    digest: bytes
    caller: Caller


class _Version(NamedTuple):
    """Tells one content of the file from the next; a mounted Secret is replaced by another file."""

    inode: int
    modified: int
    size: int


class CallersFile:
    """The callers of a file: each one's `tokens`, more than one while one takes another's place, and its `tenants`.

    ```yaml
    recommender:
      tokens: [3f8a…, 9c51…]
    reporting:
      tokens: 71be…
      tenants: [example]
    ```

    A changed file holds from its next look on, a second later at most. One that cannot be read changes nothing, and
    the log says so. Of tokens only digests are kept.

    Raises:
        InvalidSettings: the file cannot be read at the start.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._version = self._look()
        self._known = _read(path)
        self._next_look = clock() + _LOOK_SECONDS

    def of(self, authorization: str | None) -> Caller:
        """As in `Callers`."""
        self._follow()
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized("a caller's token is missing; send it as `authorization: Bearer …`")
        digest = sha256(token.strip().encode()).digest()
        found = None
        for known, caller in self._known:  # to its end, so that the time tells nothing
            if hmac.compare_digest(known, digest):
                found = caller
        if found is None:
            raise Unauthorized("the token is none of a caller; the callers file has those that are")
        return found

    def _follow(self) -> None:
        now = self._clock()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_SECONDS
        try:
            version = self._look()
            if version == self._version:
                return
            # Beforehand: a file that is no good is told of once.
            self._version = version
            self._known = _read(self._path)
        except InvalidSettings as error:
            _log.error("callers stay as they were", extra={"error": str(error)})
        else:
            _log.info("callers read again", extra={"callers": len({caller.name for _, caller in self._known})})

    def _look(self) -> _Version:
        try:
            status = self._path.stat()
        except OSError as error:
            raise _unreadable(self._path, error) from error
        return _Version(status.st_ino, status.st_mtime_ns, status.st_size)


def _read(path: Path) -> tuple[_Known, ...]:
    try:
        declared = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(path, error) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        # What these say may be a line of the file, and so a token.
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise InvalidSettings(f"callers file {path} is no YAML{where}") from None
    if not isinstance(declared, dict) or not declared:
        raise InvalidSettings(f"callers file {path} names nobody; it wants `name: {{tokens: […]}}` for each caller")
    known = tuple(one for place, entry in enumerate(declared.items(), 1) for one in _entry(path, place, *entry))
    if len({one.digest for one in known}) < len(known):
        raise InvalidSettings(f"callers file {path} has a token twice; each belongs to one caller, once")
    return known


def _entry(path: Path, place: int, name: object, entry: Any) -> Iterator[_Known]:  # noqa: ANN401  # whatever stands there
    """What a caller's entry says; a fault is told by its place, since the name may be a token in the wrong place."""
    caller = f"callers file {path}, caller {place}"
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidSettings(f"{caller}: a name is 1 to 31 of a-z, 0-9, _ and -")
    if not isinstance(entry, dict) or not {"tokens"} <= entry.keys() <= {"tokens", "tenants"}:
        raise InvalidSettings(f"{caller} has `tokens`, may have `tenants`, and nothing else")
    tokens, tenants = entry["tokens"], entry.get("tenants")
    tokens = [tokens] if isinstance(tokens, str) else tokens
    if not _are_texts(tokens) or not all(map(_TOKEN.fullmatch, tokens)):
        raise InvalidSettings(
            f"{caller}: `tokens` is a text or a list of them, each of {SHORTEST_TOKEN} printable ASCII characters or"
            " more, without spaces; `openssl rand -hex 32` makes one"
        )
    if tenants is not None and not _are_texts(tenants):
        raise InvalidSettings(f"{caller}: `tenants` is a list of names; without it the caller may ask for every tenant")
    who = Caller(name, None if tenants is None else frozenset(tenants))
    yield from (_Known(sha256(token.encode()).digest(), who) for token in tokens)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)


def _unreadable(path: Path, error: OSError) -> InvalidSettings:
    return InvalidSettings(
        f"callers file {path}: {error.strerror}; set OO_CALLERS to a file that exists, or to `anyone`"
    )
