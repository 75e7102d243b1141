import io
import logging
import re
from collections.abc import Iterator

import pytest

from oo.telemetry import LineFormatter, configure_logging


@pytest.fixture
def lines() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(LineFormatter("oo-tests"))
    logger = logging.getLogger("oo.tests.telemetry")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, written
    logger.removeHandler(handler)
    logger.propagate = True


def test_a_record_is_time_level_process_logger_message_and_values(lines: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = lines
    logger.warning("rejected %d", 2, extra={"reason": "invalid_event", "error": 'not "JSON"', "empty": ""})
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING oo-tests oo\.tests\.telemetry rejected 2"
        r' reason=invalid_event error="not \\"JSON\\"" empty=""\n',
        written.getvalue(),
    )


def test_a_traceback_and_a_message_of_lines_stay_on_one_line(lines: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = lines

    def fail() -> None:
        raise LookupError("first\nsecond")

    try:
        fail()
    except LookupError:
        logger.exception("the handler\nfailed")
    (line,) = written.getvalue().splitlines()
    assert r"the handler\nfailed traceback=" in line
    assert r"LookupError: first\nsecond" in line


def test_logging_is_configured_for_the_whole_process(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        configure_logging("oo-tests")
        logging.getLogger("oo.anything").info("heard")
        logging.getLogger("oo.anything").debug("not heard")
    finally:
        root.handlers[:], root.level = before
    assert capsys.readouterr().err.endswith("INFO oo-tests oo.anything heard\n")
