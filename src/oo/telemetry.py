"""What a process tells about itself: log lines and metrics. Neither holds personal data, by convention."""

import asyncio
import json
import logging
import sys
import time
from typing import Final

from prometheus_client import Counter, Gauge, Histogram, generate_latest

DECISIONS: Final = Counter(
    "oo_decisions", "Decisions answered; degraded names what was missing.", ["service", "degraded"]
)
DECISION_SECONDS: Final = Histogram("oo_decision_seconds", "Time from the decoded request to the answer.", ["service"])
REFUSED: Final = Counter("oo_requests_refused", "Requests that got no decision, by the code of the refusal.", ["code"])
MODEL_SERVED: Final = Gauge("oo_model_version", "The version of a model that this process serves.", ["model"])
UNSERVED: Final = Counter(
    "oo_rollout_unserved", "Decisions whose rollout names a version that this process has not.", ["kind", "version"]
)
TIPS: Final = Counter("oo_tips", "Tips by who wrote them: model, cache or template.", ["prompt_version", "written_by"])
LLM_SECONDS: Final = Histogram("oo_llm_seconds", "Time of a call of a language model, with its stand-ins.")
LLM_TOKENS: Final = Counter("oo_llm_tokens", "Tokens that language models told: prompt or completion.", ["kind"])
LLM_COST: Final = Counter("oo_llm_cost_usd", "US dollars charged for calls of language models.", ["account"])
REFUSALS: Final = Counter("oo_tip_refusals", "Faults of answers of a model.", ["prompt_version", "fault"])
REPAIRS: Final = Counter("oo_tip_repairs", "Second answers: shown, refused or no_answer.", ["outcome"])
WITHHELD: Final = Counter("oo_prompt_values_withheld", "Texts that no model was told.", ["variable"])
SHADOW_PROMPTS: Final = Counter(
    "oo_shadow_prompts",
    "Second answers with another prompt: logged or unlogged.",
    ["prompt_version", "outcome"],
)
BACKGROUND_DROPPED: Final = Counter(
    "oo_background_dropped", "Work after an answer that was not begun, since too much was under way.", ["work"]
)
TASKS: Final = Gauge("oo_asyncio_tasks", "Tasks of the event loop at this moment.")
UNLOGGED: Final = Counter("oo_decisions_unlogged", "Decisions that the log did not acknowledge in time.", ["service"])
DELIVERIES: Final = Counter("oo_deliveries", "Deliveries by the door that they left by.", ["consumer", "door"])
HANDLER_FAILURES: Final = Counter(
    "oo_handler_failures", "Batches that came again since the handler raised.", ["consumer"]
)
DEAD_LETTERS: Final = Counter("oo_dead_letters", "Messages in the dead-letter stream.", ["consumer", "reason"])
LAG: Final = Gauge("oo_consumer_lag", "Messages of a durable that have not left it by a final door.", ["durable"])
REDELIVERIES: Final = Counter("oo_redeliveries", "Deliveries that were not a message's first.", ["durable"])
LOST: Final = Counter(
    "oo_exceeded_gone",
    "Messages past their deliveries that their stream no longer held for the dead letters.",
    ["durable"],
)
SINK_OUTAGES: Final = Counter("oo_sink_outages", "Tries for which the sink was down.", ["durable"])
BATCH_SIZE: Final = Histogram(
    "oo_batch_size", "Messages in a batch.", ["durable"], buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_000)
)
SINK_SECONDS: Final = Histogram(
    "oo_sink_seconds",
    "Time that a consumer's sink took for what it was given at once.",
    ["durable"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
EVENT_AGE: Final = Histogram(
    "oo_event_age_seconds",
    "Time from what happened to its effect in a consumer's sink.",
    ["durable"],
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400, 259_200, 604_800),
)
ERASED: Final = Counter(
    "oo_erased_events", "Events without an effect, since their person was erased after them.", ["durable"]
)
UNKNOWN_PROFILE_FEATURES: Final = Counter(
    "oo_unknown_profile_features", "Profile features outside the schema; `other` past the first names.", ["name"]
)
BATCH_SECONDS: Final = Histogram("oo_batch_seconds", "Time from a batch's arrival to its last door.", ["consumer"])


def exposition() -> bytes:
    """All metrics, as Prometheus reads them. To be called in the event loop whose tasks are to be counted."""
    TASKS.set(len(asyncio.all_tasks()))
    return generate_latest()


_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "color_message"}
# What LiteLLM and BentoML put into every record of a process.
_STANDARD |= {"litellm_redacted", "trace_msg", "component", "service_name", "service_version", "trace_id", "span_id"}


class LineFormatter(logging.Formatter):
    """One line a record: `time level process logger message key=value`, a traceback among the values."""

    def __init__(self, process: str) -> None:
        line = f"%(asctime)s.%(msecs)03dZ %(levelname)s {process} %(name)s %(message)s"
        super().__init__(line, "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the library's name
        """The line, with what was given as `extra`."""
        extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        line = super().formatMessage(record).replace("\n", "\\n")
        return " ".join([line, *(f"{key}={_quoted(str(value))}" for key, value in extra.items())])

    def format(self, record: logging.LogRecord) -> str:
        """The record on one line."""
        line, *traceback = super().format(record).split("\n", 1)
        return f"{line} traceback={_quoted(traceback[0])}" if traceback else line


def _quoted(value: str) -> str:
    return value if value and value.isprintable() and not set(value) & set(' "=') else json.dumps(value)


def configure_logging(process: str) -> None:
    """Log to standard error as `process`, from level INFO on, and nothing else there."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(process))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)  # a line a request would be most of the log
