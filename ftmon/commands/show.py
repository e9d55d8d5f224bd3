"""A run on the screen or as lines, from the first word to what is left behind; imported when it is needed."""

import argparse
import codecs
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from ftmon import __version__
from ftmon.errors import BUG, LEFT, GaveUpError, HistoryError, OutputError, TimeoutPassedError, UsageError
from ftmon.lines.output import encoded, say, write

if TYPE_CHECKING:
    from pathlib import Path

    from ftmon.model.job import JobKey
    from ftmon.model.run import Run
    from ftmon.settings import Settings
    from ftmon.tui.app import FtmonApp
    from ftmon.watch.watcher import Watcher

_Service = Callable[[ExitStack], "tuple[Settings, JobKey | None]"]
"""Finds the service and the job; what it starts ends with the stack."""


def show(
    options: argparse.Namespace,
    service: _Service,
    *,
    left: str,
    again: Callable[[str], str] = lambda job_id: "",
) -> int:
    """Show a job on the screen, or as lines where there is none, and return the exit status.

    `left` is what to say where it was left before its end, `again` returns the command that watches it again.

    Raises:
        FtmonError: where it cannot be shown; its message is the sentence for the user.
    """
    has_screen = not (options.json or options.plain) and _is_screen()
    with ExitStack() as stack:
        if has_screen:
            stack.enter_context(_first_word())
        settings, key = service(stack)
        sys.excepthook = partial(crashed, secrets=settings.secrets)
        if key is None and not has_screen:
            raise UsageError(
                "Which job? Give its id: ftmon JOB. "
                "(The screen, which asks for one, needs a terminal with UTF-8.)"
            )
        from ftmon.watch.watcher import Watcher

        watcher = Watcher(
            settings,
            stream=not options.no_stream,
            patient=options.wait,
            history=None if options.no_history else _history_file(),
            offline=options.replay is not None,
        )
        stack.callback(watcher.close)
        if key is not None and options.replay is not None:
            watcher.replay(key, options.replay)
        elif key is not None:
            watcher.watch(key)
        if key is not None and not has_screen:
            # Also where an error ends it; only once it is closed is it known what was not recorded.
            stack.callback(_say_unrecorded, watcher)
            stack.callback(watcher.close)
            status = _lines(watcher, key, options)
            _say_next(status, left, again(key.job_id))
            return status
        app = _run_screen(watcher, key, options)
    status = app.return_code or 0
    if (run := app.watched) is not None and status != BUG:
        from ftmon.lines.news import time_passed

        _leave_behind(run)
        _say_unrecorded(watcher)
        if status == TimeoutPassedError.exit_status:
            say(time_passed(run, options.timeout))
        elif run.connection.error is not None:
            say(str(run.connection.error))
        _say_next(status, left, again(run.key.job_id) if run.key.service == settings.base_url else "")
    return status


@contextmanager
def _first_word() -> Iterator[None]:
    """Say that the key was heard, while what draws the screen is imported, and take it back at the end."""
    # Where the terminal is gone there is nobody left to tell.
    with suppress(OSError):
        os.write(2, "ftmon: opening …".encode())
    try:
        yield
    finally:
        with suppress(OSError):
            os.write(2, b"\r\x1b[K")


def _history_file() -> "Path | None":
    from ftmon.paths import history_file

    try:
        return history_file()
    except HistoryError as error:
        say(f"nothing is recorded: {error}.")
        return None


def _lines(watcher: "Watcher", key: "JobKey", options: argparse.Namespace) -> int:
    from ftmon.lines.follow import follow

    for notice in watcher.notices:
        say(notice)
    return follow(watcher, key, as_json=options.json, timeout=options.timeout)


def _say_unrecorded(watcher: "Watcher") -> None:
    if count := watcher.unrecorded:
        from ftmon.text import plural

        say(f"{plural(count, 'event')} could not be recorded.")


def _leave_behind(run: "Run") -> None:
    """Leave behind, where the screen was, how the job stands."""
    from ftmon.lines.summary import summary

    with suppress(OutputError):
        write(encoded("".join(f"{line}\n" for line in summary(run))))


def _say_next(status: int, left: str, again: str) -> None:
    to_watch = f"to watch it again: {again}" if again else ""
    if status == LEFT:
        say(f"{left} T{to_watch[1:]}" if to_watch else left)
    elif status == GaveUpError.exit_status and to_watch:
        say(to_watch)


def _run_screen(watcher: "Watcher", key: "JobKey | None", options: argparse.Namespace) -> "FtmonApp":
    from ftmon.tui.exits import Exits

    with Exits() as exits:
        from ftmon.tui.app import FtmonApp

        app = FtmonApp(watcher, key, exit_when_over=options.exit, timeout=options.timeout)
        exits.leave = app.leave_by_signal
        app.run()
    return app


def _is_screen() -> bool:
    """Textual draws on stderr and reads stdin; a screen in a pipe is of use to nobody.

    Nor is one whose signs the terminal's encoding does not have: they would be escaped, and break every line.
    """
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return (
        all(stream is not None and stream.isatty() for stream in streams)
        and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", "")
        and codecs.lookup(sys.stderr.encoding).name == "utf-8"
    )


def crashed(
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    *,
    secrets: Sequence[str] = (),
) -> None:
    """Tell of a bug: the traceback without values, because values may be secrets."""
    import traceback

    from ftmon.safe import safe, without

    lines = safe("".join(traceback.format_exception(kind, error, trace)))
    say(f"this is a bug in ftmon {__version__}; the job is unharmed.\n{without(lines, secrets)}")
    os._exit(BUG)
