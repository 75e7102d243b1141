"""What a run tells, whether it ended well or not."""

from collections import Counter
from collections.abc import Mapping, Sequence

from oo.events.subjects import DURABLES
from tests.soak.chaos import Chaos
from tests.soak.fleet import CONSUMERS, Fleet
from tests.soak.message import Message, takes
from tests.soak.standing import Standing


def redeliveries(standing: Standing, messages: Sequence[Message]) -> dict[str, int]:
    """How many deliveries were not a message's first, by durable."""
    subjects = Counter(message.subject for message in messages)
    return {
        durable.name: standing.deliveries(durable)
        - sum(times for subject, times in subjects.items() if any(takes(each, subject) for each in durable.subjects))
        for durable in DURABLES
        if durable.stream != "ADVISORIES"
    }


def report(chaos: Chaos, fleet: Fleet, messages: Sequence[Message], again: Mapping[str, int]) -> str:
    roles = Counter(message.role for message in messages)
    lines = [
        f"{len(messages)} messages, {roles['poison']} of them poison and {roles['duplicate']} duplicates",
        f"published in {chaos.published_seconds:.1f} s, {chaos.publisher.repeated} of them sent again",
        f"all done in {chaos.seconds:.1f} s: {len(messages) / chaos.seconds:.0f} a second through all consumers",
        f"nats-server killed {chaos.server_kills} time(s)",
        "consumer  kills  freezes  with work in hand  redeliveries  peak MiB",
    ]
    for name in CONSUMERS:
        blows = [(blow.kind, busy) for blow, busy in chaos.blows if blow.consumer == name]
        kinds = Counter(kind for kind, _ in blows)
        came_again = sum(times for durable, times in again.items() if durable.startswith(name))
        lines.append(
            f"{name:8}  {kinds['kill']:5}  {kinds['freeze']:7}  {sum(busy for _, busy in blows):17}"
            f"  {came_again:12}  {fleet.peaks[name] / 2**20:8.0f}"
        )
    return "\n".join(f"  {line}" for line in lines)
