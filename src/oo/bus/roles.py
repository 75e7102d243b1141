"""Who may say what on the bus: a user of NATS for each process, with no more rights than its work takes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from oo.bus.streams import (
    BUCKETS,
    BUDGETS_BUCKET,
    EVIDENCE_BUCKET,
    FEATURES_BUCKET,
    POLICY_STATE_BUCKET,
    TIPS_BUCKET,
    TOMBSTONES_BUCKET,
    TRAFFIC_BUCKET,
)
from oo.events.subjects import (
    DURABLES,
    STREAMS,
    SUBJECTS,
    ConsumerName,
    StreamName,
    dead_letter_subject,
    shadow_subject,
)

Role = Literal[
    "scorer",
    "shadow-scorer",
    "generator",
    "shadow-generator",
    "signals",
    "archive",
    "rewards",
    "bootstrap",
    "promoter",
    "caller",
    "operator",
]
"""What a process is to the bus; a canary is what its stable deployment is. The caller publishes what people do; the
operator is a person who repairs, replays and erases."""
ROLES: tuple[Role, ...] = get_args(Role)
ACCOUNT = "OO"
"""The account of NATS that holds all of it."""

_API = "$JS.API"


@dataclass(frozen=True, slots=True)
class Permissions:
    """The subjects of a role, with the wildcards of NATS; what is in neither list is denied."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def inbox(user: str) -> str:
    """Where answers for this user arrive, which no other may listen to."""
    return f"_INBOX_{user}"


def permissions(role: Role) -> Permissions:
    """What a role may publish and subscribe to."""
    if role == "operator":
        return Permissions((">",), (">",))
    return Permissions(tuple(dict.fromkeys(_PUBLISHED[role])), (f"{inbox(role)}.>",))


def makes_streams(user: str | None) -> bool:
    """Whether a user may make streams, durables and buckets; others find them or wait. Nobody is who is not asked."""
    return user in (None, "bootstrap", "operator")


def accounts(password: Callable[[Role], str], *, nobody: Role | None = None) -> str:
    """What a NATS server's configuration says of all roles.

    Args:
        password: how the password of a role is written there: quoted, or as a variable of the server's environment.
        nobody: the role of those who give no user; None lets nobody in without one.
    """
    users = "\n".join(_user(role, password(role)) for role in ROLES)
    text = f"accounts {{\n  {ACCOUNT} {{\n    jetstream: enabled\n    users = [\n{users}\n    ]\n  }}\n}}\n"
    return text if nobody is None else f"{text}no_auth_user: {nobody}\n"


def variable(role: Role) -> str:
    """A role's password as a variable of the server's environment."""
    return f"$OO_NATS_PASSWORD_{role.upper().replace('-', '_')}"


def _user(role: Role, password: str) -> str:
    allowed = permissions(role)
    return f"""      {{user: {role}, password: {password}, permissions: {{
        publish: {{allow: [
{_lines(allowed.publish)}
        ]}}
        subscribe: {{allow: [
{_lines(allowed.subscribe)}
        ]}}
      }}}}"""


def _lines(subjects: Iterable[str]) -> str:
    return "\n".join(f'          "{subject}"' for subject in subjects)


def _sees() -> tuple[str, ...]:
    """Look at what is there, as every process does at its start."""
    return (f"{_API}.STREAM.INFO.*", f"{_API}.CONSUMER.INFO.*.*")


def _finds(stream: str) -> str:
    """Read single messages of a stream, the leader's own word."""
    return f"{_API}.STREAM.MSG.GET.{stream}"


def _gets(bucket: str) -> str:
    return f"{_API}.DIRECT.GET.KV_{bucket}.$KV.{bucket}.>"


def _puts(bucket: str) -> str:
    return f"$KV.{bucket}.>"


def _reads_through(stream: str) -> tuple[str, ...]:
    """Read a stream by a consumer of one's own that ends with the reader."""
    return (
        f"{_API}.CONSUMER.CREATE.{stream}",
        f"{_API}.CONSUMER.CREATE.{stream}.>",
        f"{_API}.CONSUMER.MSG.NEXT.{stream}.*",
        f"{_API}.CONSUMER.DELETE.{stream}.*",
        f"$JS.FC.{stream}.>",
    )


def _watches(bucket: str) -> tuple[str, ...]:
    return (_gets(bucket), *_reads_through(f"KV_{bucket}"))


def _serves(*buckets: str) -> tuple[str, ...]:
    """What both services need, whatever their traffic."""
    watched = (subject for bucket in (*buckets, TRAFFIC_BUCKET) for subject in _watches(bucket))
    return (*_sees(), _finds("DECISIONS"), _gets(FEATURES_BUCKET), *watched)


def _consumes(name: ConsumerName) -> tuple[str, ...]:
    """Take messages of the consumer's durables, judge them, and send on what it rejects."""
    durables = [durable for durable in DURABLES if durable.consumer == name]
    taken = (
        subject
        for durable in durables
        for subject in (
            f"{_API}.CONSUMER.MSG.NEXT.{durable.stream}.{durable.name}",
            f"$JS.ACK.{durable.stream}.{durable.name}.>",
        )
    )
    found = (_finds(durable.stream) for durable in durables)
    erased = (_finds(f"KV_{TOMBSTONES_BUCKET}"), _gets(TOMBSTONES_BUCKET))
    return (*_sees(), *taken, *found, *erased, dead_letter_subject(name))


def _makes(stream: str) -> tuple[str, ...]:
    """Make a stream and its durables, and bring them up to date; not end, empty or read them."""
    return (
        f"{_API}.STREAM.CREATE.{stream}",
        f"{_API}.STREAM.UPDATE.{stream}",
        f"{_API}.CONSUMER.CREATE.{stream}.>",
        f"{_API}.CONSUMER.DURABLE.CREATE.{stream}.*",
    )


_SCORE, _GENERATE = SUBJECTS["score_decided"], SUBJECTS["generate_decided"]
_REPORTED: tuple[StreamName, ...] = ("SIGNALS", "FEEDBACK")
_MADE = (*STREAMS, *(f"KV_{bucket}" for bucket in BUCKETS))
_PUBLISHED: Mapping[Role, tuple[str, ...]] = {
    "scorer": (_SCORE, *_serves(POLICY_STATE_BUCKET)),
    "shadow-scorer": (shadow_subject(_SCORE), *_serves(POLICY_STATE_BUCKET)),
    # What a prompt on trial writes is a shadow's decision too.
    "generator": (
        _GENERATE,
        shadow_subject(_GENERATE),
        *_serves(),
        *(subject for bucket in (TIPS_BUCKET, BUDGETS_BUCKET) for subject in (_gets(bucket), _puts(bucket))),
    ),
    "shadow-generator": (shadow_subject(_GENERATE), *_serves(), _gets(TIPS_BUCKET)),
    "signals": (*_consumes("signals"), _gets(FEATURES_BUCKET), _puts(FEATURES_BUCKET)),
    "archive": _consumes("archive"),
    "rewards": (*_consumes("rewards"), _gets(POLICY_STATE_BUCKET), _puts(POLICY_STATE_BUCKET)),
    "bootstrap": (*_sees(), *(subject for stream in _MADE for subject in _makes(stream))),
    "promoter": (
        *_sees(),
        *STREAMS["HISTORY"],
        _finds("HISTORY"),
        *_reads_through("HISTORY"),
        *(subject for bucket in (TRAFFIC_BUCKET, EVIDENCE_BUCKET) for subject in (_gets(bucket), _puts(bucket))),
    ),
    "caller": tuple(subject for stream in _REPORTED for subject in STREAMS[stream]),
}
