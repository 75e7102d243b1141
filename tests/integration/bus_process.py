"""A consumer process of tests: `python -m tests.integration.bus_process NAME HEALTH_PORT EFFECTS SECONDS`.

The effect of a message is its sequence, as a line of the file EFFECTS. The process named `deadly` kills itself at a
message whose bytes are `deadly`; each takes SECONDS for a batch before it has its effect.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from oo.bus.consumer import Consumer
from oo.bus.delivery import Acknowledge, Delivery, Door
from oo.bus.exceeded import ExceededBurial
from oo.bus.worker import run_consumers, stop_on_signals
from oo.settings import ConsumerSettings, read
from oo.wiring.process import on_the_bus
from tests.integration.consuming import NAMED, SIGNALS


async def main(name: str, port: int, effects: Path, seconds: float) -> None:
    async def handle(deliveries: Sequence[Delivery]) -> Sequence[Door]:
        for delivery in deliveries:
            if name == "deadly" and delivery.data == b"deadly":
                os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(seconds)
        with effects.open("a") as file:  # a few lines
            file.write("".join(f"{delivery.sequence}\n" for delivery in deliveries))
        return [Acknowledge()] * len(deliveries)

    settings = read(ConsumerSettings)
    async with on_the_bus(settings, "oo-test") as jetstream:
        running = [
            Consumer(jetstream, SIGNALS, handle, batch_size=50, drain_seconds=settings.drain_seconds),
            Consumer(jetstream, NAMED["signals-advisories"], ExceededBurial(jetstream)),
        ]
        stop = stop_on_signals(asyncio.get_running_loop())
        await run_consumers(running, host="127.0.0.1", health_port=port, stop=stop)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])))
