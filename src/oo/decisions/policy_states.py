"""What policies have learned: written by the rewards consumer, watched by the scorer, and so read without waiting."""

import logging
from collections.abc import Iterable, Mapping
from typing import TypeVar

from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue
from pydantic_core import to_json

from oo.errors import InvalidPolicyState
from oo.experiments.policy import Policy
from oo.experiments.policy_state import ArmStats, PolicyState, dump, parse

K = TypeVar("K", bound=tuple[str, str, str])

_log = logging.getLogger(__name__)


def state_key(tenant: str, policy: str, version: str) -> str:
    """The bucket's key for what a policy learned from a tenant's people."""
    return f"{tenant}.{policy}.{version}"


class PolicyStates:
    """The latest state of every policy."""

    def __init__(self) -> None:
        self._states: dict[str, PolicyState] = {}

    def put(self, key: str, data: bytes) -> None:
        """Take over what the bucket holds under `key`; what cannot be read changes nothing."""
        try:
            self._states[key] = parse(data)
        except InvalidPolicyState as error:
            _log.error("policy state refused", extra={"key": key, "error": str(error)})

    def of(self, tenant: str, policy: Policy, tip_ids: Iterable[str]) -> PolicyState:
        """What `policy` learned of these arms; empty for a policy that keeps no state."""
        if not policy.needs_state:
            return {}
        known = self._states.get(state_key(tenant, policy.name, policy.version), {})
        return {tip_id: known[tip_id] for tip_id in tip_ids if tip_id in known}

    async def follow(self, bucket: KeyValue) -> None:
        """Take over every change of the bucket, for ever; begins with all that it holds."""
        watcher = await bucket.watchall()
        async for entry in watcher:
            if entry is not None and entry.value:
                self.put(entry.key, entry.value)


class PolicyStateWriter:
    """Puts states into the bucket where they differ from what it holds."""

    def __init__(self, bucket: KeyValue) -> None:
        self._bucket = bucket

    async def write(self, states: Mapping[K, Mapping[str, tuple[int, float]]]) -> None:
        """Write what each policy has learned.

        Args:
            states: exposures and sum of rewards by tip, for each tenant, policy and version.

        Raises:
            nats.errors.Error: the bucket did not answer; write again.
        """
        for key, arms in states.items():
            data = to_json(dump({tip_id: ArmStats(*totals) for tip_id, totals in arms.items()}))
            # Compared with the bucket and not with a memory of our own: another replica may have written since.
            if await self._held(state_key(*key)) != data:
                await self._bucket.put(state_key(*key), data)

    async def _held(self, key: str) -> bytes | None:
        try:
            return (await self._bucket.get(key)).value
        except KeyNotFoundError:
            return None
