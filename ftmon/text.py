"""Formats numbers, times, durations and statuses for people to read."""

from datetime import datetime, timedelta

import humanize

from ftmon.model.curve import Curve
from ftmon.model.event import Level
from ftmon.model.job import Job, Status
from ftmon.model.job_list import ListedJob
from ftmon.model.key import LOCAL
from ftmon.safe import one_line, safe

STATUS_SIGNS = {
    Status.PENDING: "◷",
    Status.RUNNING: "▶",
    Status.PAUSED: "⏸",
    Status.SUCCEEDED: "✔",
    Status.FAILED: "✘",
    Status.CANCELLED: "⊘",
    Status.UNKNOWN: "?",
}
"""A sign for each status, shown beside its word, so that colour is never the only difference."""

_LONGEST_STATUS = 32
"""Characters of a status in a list. A service may send any word."""

_YEAR = 365 * 86_400

ESTIMATED = "~"
"""Stands before what is only about right."""

LEVEL_WORDS = {Level.INFO: "", Level.WARNING: "warning: ", Level.ERROR: "error: "}


def last_seen(job: Job) -> str:
    """Return the sign and status of a recorded job, whose end may be unknown: `▶ last seen running`."""
    if job.is_over:
        words = job.status_word
    elif job.status_word == Status.UNKNOWN:
        words = "status unknown"
    else:
        words = f"last seen {one_line(job.status_word)}"
    return f"{STATUS_SIGNS[job.status]} {words}"


def listed_status(listed: ListedJob) -> str:
    """Return the sign and status of a job in a list: as just listed, or as last seen."""
    job = listed.job
    if not listed.is_listed:
        return last_seen(job)[:_LONGEST_STATUS]
    return f"{STATUS_SIGNS[job.status]} {one_line(job.status_word)}"[:_LONGEST_STATUS]


def place(service: str) -> str:
    """Return the host of a service, or the name of one that is no address."""
    if service == LOCAL:
        return "this machine"
    service = safe(service)
    return service.partition("://")[2].partition("/")[0] or service


def clock(time: datetime | None) -> str:
    """Return `14:02:11` in local time."""
    return time.astimezone().strftime("%H:%M:%S") if time else "--:--:--"


def stamp(time: datetime | None) -> str:
    """Return `2026-01-31 14:02:11` in local time."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S") if time else "---------- --:--:--"


def day_clock(time: datetime | None) -> str:
    """Return `Jan 31 14:02:11` in local time, for events of another day."""
    return time.astimezone().strftime("%b %d %H:%M:%S") if time else "--- -- --:--:--"


def age(seconds: float) -> str:
    """Return `now`, `10s`, `3m`, `2h`, `5d`. The steps are coarse, so that an idle screen seldom repaints."""
    if seconds < 10:
        return "now"
    if seconds < 60:
        return f"{int(seconds) // 10 * 10}s"
    if seconds < 3600:
        return f"{int(seconds) // 60}m"
    if seconds < 86_400:
        return f"{int(seconds) // 3600}h"
    return f"{int(seconds) // 86_400}d"


def brief_ago(seconds: float) -> str:
    """Return `now`, `10s ago`, `3m ago`."""
    words = age(seconds)
    return words if words == "now" else f"{words} ago"


def ago(time: datetime | None, now: datetime) -> str:
    """Return `now`, `20s ago`, `3 minutes ago`, `an hour ago`; a time in the future is `now`."""
    if time is None:
        return ""
    seconds = (now - time).total_seconds()
    if seconds < 60:
        return brief_ago(seconds)
    # Round down first, as `age` does: humanize would round to the nearest.
    step = 60 if seconds < 3600 else 3600 if seconds < 86_400 else 86_400
    return humanize.naturaltime(timedelta(seconds=seconds // step * step))


def duration(seconds: float) -> str:
    """Return `48s`, `12m 04s`, `3h 05m`, `2d 04h`."""
    total = int(seconds)
    if total < 60:
        return f"{total}s"
    if total < 3600:
        return f"{total // 60}m {total % 60:02}s"
    if total < 86_400:
        return f"{total // 3600}h {total // 60 % 60:02}m"
    return f"{total // 86_400}d {total // 3600 % 24:02}h"


def elapsed(seconds: float) -> str:
    """Return a duration that still grows, in the coarse steps of `age`: `<10s`, `40s`, `12m`, `3h 05m`."""
    if seconds < 10:
        return "<10s"
    return age(seconds) if seconds < 3600 else duration(seconds)


def until_next_step(seconds: float) -> float:
    """Return the seconds until the text of `age`, `ago` or `elapsed` changes, from an age in seconds."""
    step = 10 if seconds < 60 else 60 if seconds < 86_400 else 3600
    return step - seconds % step


_LONG_READING = 0.5
"""Seconds that a reading may take before the screen says that it goes on. Most are over sooner."""


def next_reading(seconds: float) -> str:
    """Return `next in 4 s`, in coarse steps of one width, or `reading now` once it is due."""
    if seconds <= -_LONG_READING:
        return "reading now"
    if seconds < 10:
        return f"next in {max(1, int(seconds) // 2 * 2)} s"
    return f"next in {int(seconds) // 10 * 10} s" if seconds < 120 else f"next in {int(seconds) // 60} min"


def until_next_reading_changes(seconds: float) -> float | None:
    """Return the seconds until the text of `next_reading` changes; None where it changes no more."""
    if seconds <= -_LONG_READING:
        return None
    if seconds < 2:
        return seconds + _LONG_READING
    step = 2 if seconds < 10 else 10 if seconds < 120 else 60
    # A moment more, because a text changes just below its step.
    return seconds % step + 0.01


def left(seconds: float) -> str:
    """Return the time left as a rough estimate, always with `~`: `~4 minutes left`."""
    if seconds < 1:
        return "~ any moment"
    if seconds < 57.5:
        return f"~{max(5, round(seconds / 5) * 5)}s left"
    if seconds < 5400:
        return f"~{plural(round(seconds / 60), 'minute')} left"
    if seconds > _YEAR:
        return "~ over a year left"
    step, unit = (900, "minutes") if seconds < 86_400 else (3600, "hours")
    rounded = timedelta(seconds=step * round(seconds / step))
    return f"~{humanize.precisedelta(rounded, minimum_unit=unit, format='%d')} left"


def source(service: str, *, is_told: bool) -> str:
    """Return who says how long it will take: `as measured`, `as the service says`."""
    if not is_told:
        return "as measured"
    return "as the trainer says" if service == LOCAL else "as the service says"


def brief_left(seconds: float) -> str:
    """Return the time left in few characters, rounded as `left` rounds it: `~4m`."""
    if seconds < 57.5:
        return f"~{max(5, round(seconds / 5) * 5)}s"
    if seconds < 5400:
        return f"~{round(seconds / 60)}m"
    if seconds < 129_600:
        return f"~{round(seconds / 3600)}h"
    return "~>1y" if seconds > _YEAR else f"~{round(seconds / 86_400)}d"


def pace(steps: float) -> str:
    """Return steps per second as `2.4 steps/s`, or of fewer than one in two seconds `12 steps/min`."""
    for factor, unit in ((1, "s"), (60, "min"), (3600, "h")):
        number = steps * factor
        if number >= 0.5 or unit == "h":
            break
    return f"{count(round(number)) if number >= 10 else f'{number:.1f}'} steps/{unit}"


def percent(fraction: float) -> str:
    """Return `58%` for 0.58, rounded down, so that 100% appears only when everything is done."""
    # In floating point 0.58 * 100 is slightly below 58.
    return f"{int(fraction * 100 + 1e-9)}%"


def money(dollars: float) -> str:
    """Return `$3.67`."""
    return f"${dollars:,.2f}"


def count(number: int) -> str:
    """Return `1,234`."""
    return humanize.intcomma(number)


def figure(value: float) -> str:
    """Return a loss with three significant digits, or in scientific notation: `2.89`, `0.464`, `3.5e-06`."""
    if value == 0 or 0.01 <= abs(value) < 999.5:
        return f"{value:#.3g}".removesuffix(".")
    return f"{value:.1e}"


def course(name: str, curve: Curve) -> str:
    """Return the first and the last value of a curve: `train 2.89 → 0.463`; empty if there is none.

    The last one may be no number: `train 2.89 → nan`.
    """
    if curve.newest is None:
        return ""
    first = "" if curve.first is None else f"{figure(curve.first)} → "
    return f"{name} {first}{figure(curve.newest)}"


def size(number: int) -> str:
    """Return bytes as `3.4 MB`."""
    return humanize.naturalsize(number)


def hidden(events: int) -> str:
    """Return `… 1,234 earlier events not shown`; an empty text for none."""
    return f"… {count(events)} earlier event{'' if events == 1 else 's'} not shown" if events else ""


def as_sentence(words: str) -> str:
    """Return words with a full stop, unless they end with a sign of their own."""
    return words if words.endswith((".", "?", "!")) else f"{words}."


def plural(number: int, noun: str) -> str:
    """Return `1 event`, `12 events`."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"
