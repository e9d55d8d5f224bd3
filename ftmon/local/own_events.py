"""Reads what ftmon itself has written: the events of a run as `--json` and `ftmon export` tell them.

The job is in the last line. Each event is told as it was: nothing is merged with what other files tell, and
no step begins another run.
"""

import re
from collections.abc import Mapping
from math import nan
from typing import Any

from ftmon import json_text
from ftmon.local.entry import SENTENCES, Entry, Outcome
from ftmon.local.json_lines import JsonLinesReader
from ftmon.model.event import parse_level, parse_time
from ftmon.model.figures import read_figures
from ftmon.model.job import Status
from ftmon.model.message import tells_no_number
from ftmon.safe import safe

_EVENT = re.compile(r'\s*\{"object":\s?"fine-tune-event"')
_JOB = re.compile(r'\s*\{"object":\s?"fine-tune",')

_ENDS = {status.value: status for status in Status if status.is_final}


def is_own(line: str) -> bool:
    """Whether the first line of a file is of ftmon's own."""
    return (_EVENT.match(line) or _JOB.match(line)) is not None


class OwnEventsReader:
    """Reads one file from its beginning, line by line."""

    def __init__(self) -> None:
        self._others = JsonLinesReader()
        """Reads lines that ftmon has not written."""
        self._has_end = False
        """The line before was an event, and has told the end of the job behind it."""

    def read(self, line: str, after: str = "", *, is_open: bool = False) -> list[Entry] | None:
        """Read one line without its end. An event waits for the next line, which may tell the end."""
        is_event, is_job = _EVENT.match(line), _JOB.match(line)
        fields = _fields(line) if is_event or is_job else {}
        if is_event and fields:
            if is_open:
                return None
            outcome = _outcome(_fields(after)) if _JOB.match(after) else None
            self._has_end = outcome is not None
            return [entry_of(fields, outcome)]
        if not is_job or not fields:
            return self._others.read(line, after, is_open=is_open)
        outcome = _outcome(fields)
        if outcome is None or self._has_end:
            return []
        at = parse_time(fields.get("finished_at"))
        return [Entry(SENTENCES[outcome.status], at=at, outcome=outcome, kind="message")]


def _fields(line: str) -> dict[str, Any]:
    try:
        value = json_text.decode(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def entry_of(fields: Mapping[str, Any], outcome: Outcome | None) -> Entry:
    """Return the entry of an event as `--json` tells it."""
    message, kind, data = fields.get("message"), fields.get("type"), fields.get("data")
    text = safe(message) if isinstance(message, str) else ""
    values = data if isinstance(data, dict) else {}
    if None in values.values() and tells_no_number(text):
        # JSON has no NaN. A null stands for one where the message says so.
        values = {name: nan if value is None else value for name, value in values.items()}
    return Entry(
        text,
        read_figures(values),
        parse_time(fields.get("created_at")),
        parse_level(fields.get("level")),
        outcome,
        kind=kind if isinstance(kind, str) and kind else "message",
    )


def _outcome(job: Mapping[str, Any]) -> Outcome | None:
    """Return how the job ended; None for one that ran when it was written, or whose end is not known."""
    status, error = _ENDS.get(str(job.get("status"))), job.get("error")
    if status is None:
        return None
    reason = safe(error) if isinstance(error, str) else ""
    return Outcome(status, reason, parse_time(job.get("created_at")))
