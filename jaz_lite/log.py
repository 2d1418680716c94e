"""The log of a process, for its administrator: constant texts with values, one line a happening, to stderr.

A line reads `2026-11-23T03:12:09.123+09:00 info  jaz_lite.runner.links: agent connected action=agent.up agent=local`.
Values are given as `extra`; one of them, `action`, is stable and meant for machines. What happens to jobs is told in
the journal, not here.
"""

import logging
import sys
from datetime import datetime, timezone
from typing import Any, TextIO

LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)  # by the number of -v
VALUE_CHARS_MAX = 500

_OF_EVERY_RECORD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def configure(verbosity: int, stream: "TextIO | None" = None) -> None:
    """Send the log of this process to `stream` (stderr where None), replacing what was set up before.

    Args:
        verbosity: 0 warnings and errors, 1 also information, 2 and more everything.
    """
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(LineFormatter())
    root = logging.getLogger("jaz_lite")
    root.handlers[:] = [handler]
    root.propagate = False
    root.setLevel(LEVELS[min(verbosity, len(LEVELS) - 1)])


class LineFormatter(logging.Formatter):
    """Formats a record as one line: time, level, room, text, values."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, timezone.utc).astimezone()  # noqa: UP017  # Python 3.10 has no UTC
        values = "".join(
            f" {name}={readable(value)}" for name, value in record.__dict__.items() if name not in _OF_EVERY_RECORD
        )
        line = (
            f"{moment.isoformat(timespec='milliseconds')} {record.levelname.lower():7} {record.name}: "
            f"{record.getMessage()}{values}"
        )
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def readable(value: Any) -> str:
    """Return a value on one line, in quotes if it needs them, cut where it is long."""
    text = value.hex() if isinstance(value, bytes) else str(value)
    if len(text) > VALUE_CHARS_MAX:
        text = text[:VALUE_CHARS_MAX] + "…"
    plain = bool(text) and all(c.isprintable() and c not in ' "=' for c in text)
    return text if plain else ascii(text) if not text.isprintable() else '"' + text.replace('"', '\\"') + '"'
