"""The generator as deployed, and as talkative as BentoML can make it: `bentoml serve` it instead of bentos.generator.

Its access log is on, and each span is a line of the file OO_TEST_SPANS.
"""

import os
from pathlib import Path

from bentoml._internal.configuration.containers import BentoMLContainer
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from bentos.lean import LEAN


def _line(span: ReadableSpan) -> str:
    return f"{span.to_json(indent=None)}\n"


LEAN["logging"], LEAN["tracing"] = {"access": {"enabled": True}}, {"sample_rate": 1.0}
_spans = Path(os.environ["OO_TEST_SPANS"]).open("a")  # noqa: SIM115  # for as long as the process
_provider = TracerProvider()
_provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=_spans, formatter=_line)))
trace.set_tracer_provider(_provider)
BentoMLContainer.tracer_provider.set(_provider)

from bentos.generator.service import Generator  # noqa: E402  # reads LEAN when it is imported

__all__ = ["Generator"]
