import re
from datetime import UTC, datetime, timedelta

import typer


def moment(text: str) -> datetime:
    """A moment in ISO 8601, in UTC when it names no zone, or so long ago: 30m, 12h, 7d."""
    from oo.wiring.process import now

    if ago := re.fullmatch(r"([0-9]{1,5})([mhd])", text):
        return now() - int(ago[1]) * timedelta(**{{"m": "minutes", "h": "hours", "d": "days"}[ago[2]]: 1})
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is none; give 2026-11-22, 2026-11-22T17:00 (UTC), 30m, 12h or 7d") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
