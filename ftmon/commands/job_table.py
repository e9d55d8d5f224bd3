"""Jobs as a table on a terminal, as plain columns in a pipe, and as JSON Lines."""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from ftmon import json_text, text
from ftmon.commands.columns import aligned, cells, fitting, padded, terminal_width
from ftmon.lines.output import encoded, write
from ftmon.model.job import Status, job_json
from ftmon.model.job_list import ListedJob
from ftmon.model.key import LOCAL
from ftmon.safe import one_line, safe

_INKS = {
    Status.PENDING: "33",
    Status.RUNNING: "36",
    Status.PAUSED: "33",
    Status.SUCCEEDED: "32",
    Status.FAILED: "31",
    Status.CANCELLED: "35",
    Status.UNKNOWN: "2",
}
"""Colours of a terminal, by their ANSI numbers."""

_HEADINGS = {
    "status": "status",
    "id": "job",
    "created": "created",
    "source": "from",
    "host": "at",
    "model": "model",
}
"""The columns of the table, in their order."""


def show(jobs: Sequence[ListedJob], base_url: str, *, as_json: bool) -> None:
    """Print the jobs."""
    if as_json:
        write(json_text.encode_lines([_json(listed) for listed in jobs]))
    elif not jobs:
        return
    elif (width := terminal_width()) is not None:
        write(encoded("".join(f"{line}\n" for line in table(jobs, base_url, width))))
    else:
        lines = aligned([list(_cells(each).values()) for each in jobs])
        write(encoded("".join(f"{line}\n" for line in lines)))


def table(jobs: Sequence[ListedJob], base_url: str, width: int, now: datetime | None = None) -> Iterator[str]:
    """Yield the heading and a line for each job, none wider than `width` if the ids leave room for that.

    The least important columns are left out where they do not fit. The colours are those of the terminal.
    """
    now = now or datetime.now(UTC)
    rows = [{**_cells(each), "created": text.ago(each.local_time, now)} for each in jobs]
    for row, each in zip(rows, jobs, strict=True):
        row["host"] = "" if each.key.service == base_url else text.place(each.key.service)
    names = [name for name in _HEADINGS if name != "host" or any(row["host"] for row in rows)]
    rows.insert(0, _HEADINGS)
    names = fitting(rows, names, ("source", "created", "model", "host"), width)
    # Only a model is cut: a part of an id is of no use.
    lines = aligned([[row[name] for name in names] for row in rows], width if "model" in names else None)
    yield _inked(next(lines), "2")
    status_width = max(cells(row["status"]) for row in rows)
    for line, row, each in zip(lines, rows[1:], jobs, strict=True):
        end = len(padded(row["status"], status_width))
        yield _inked(line[:end], _INKS[each.job.status]) + line[end:]


def _inked(words: str, ink: str) -> str:
    """Return text in a colour, unless https://no-color.org is asked for or the terminal has none."""
    is_plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM", "dumb") == "dumb"
    return words if is_plain or not words else f"\x1b[{ink}m{words}\x1b[0m"


def _cells(listed: ListedJob) -> dict[str, str]:
    """Return what is told of a job, by column. The model comes last: it may be long."""
    return {
        "status": text.listed_status(listed),
        "id": safe(listed.key.job_id),
        "created": text.stamp(listed.time)[:-3],
        "source": source(listed),
        "host": safe(listed.key.service),
        "model": one_line(listed.job.fine_tuned_model or listed.job.model or ""),
    }


def source(listed: ListedJob) -> str:
    """Return where a job was found: `service` (`machine` for a run of this one), `history` or `both`."""
    if listed.events is None:
        return "machine" if listed.key.service == LOCAL else "service"
    return "both" if listed.is_listed else "history"


def _json(listed: ListedJob) -> dict[str, Any]:
    return {
        **job_json(listed.job, 0, None),
        "id": safe(listed.key.job_id),
        "events": listed.events,
        "base_url": safe(listed.key.service),
        "source": source(listed),
    }
