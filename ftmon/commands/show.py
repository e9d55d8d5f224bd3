"""Show a run on the screen or in lines, from the first feedback to the last sentence."""

import codecs
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress
from functools import partial
from math import inf
from typing import TYPE_CHECKING

from ftmon.commands.crash import crashed
from ftmon.commands.feedback import Feedback
from ftmon.commands.view import Target, View, Watching
from ftmon.ending import Ending
from ftmon.errors import (
    BUG,
    LEFT,
    GaveUpError,
    HistoryError,
    HungUpError,
    OutputError,
    TimeoutPassedError,
    UsageError,
)
from ftmon.lines.output import encoded, say, write
from ftmon.model.key import LOCAL

if TYPE_CHECKING:
    from pathlib import Path

    from ftmon.lines.announcer import Announcer
    from ftmon.model.key import JobKey
    from ftmon.model.run import Run
    from ftmon.settings.notification import Notification
    from ftmon.tui.app import FtmonApp
    from ftmon.watch.watcher import Watcher

_AHEAD = (
    "ftmon.tui.screens.monitor",
    # These the watcher imports itself, after the first paint, where nothing was waited for.
    "ftmon.watch.delivery",
    "ftmon.history.recorder",
    "ftmon.wire.follow.follower",
)
"""What is imported while a service starts, in the order in which it is wanted."""

_LAST_NOTIFICATION = 3.0
"""Seconds that the last notification may take before ftmon ends. It goes on by itself after that."""


def show(
    view: View,
    watching: Watching,
    opening: AbstractContextManager[Target],
    *,
    left: str,
    again: Callable[[str], str] | None = None,
) -> int:
    """Show a run and return the exit status.

    Entering `opening` finds the service and the job. It may start the service, and end it on leaving. `left`
    is the sentence for a run left before its end. `again` returns the command that watches a job again.

    Raises:
        FtmonError: when the run cannot be shown.
    """
    ending = Ending(view.timeout)
    ending.install()
    if not has_screen(view):
        return _show_lines(view, watching, opening, ending, left, again)
    return _show_screen(view, watching, opening, ending, left, again)


def _ways(view: View, watching: Watching, *, is_in_lines: bool) -> "Notification | None":
    """Return how the user is told of news; None where nothing is told, as of a recorded run.

    To be called before the opening, which may start a training: the settings may be wrong.
    """
    if view.notify is False or watching.replay_speed is not None:
        return None
    from ftmon.settings.config import read_ways
    from ftmon.settings.notification import Notification

    ways = read_ways() if watching.tells_others else Notification()
    is_usual = ways.is_set or not is_in_lines
    is_on = next(each for each in (view.notify, ways.is_on, is_usual) if each is not None)
    return ways if is_on else None


def _show_lines(
    view: View,
    watching: Watching,
    opening: AbstractContextManager[Target],
    ending: Ending,
    left: str,
    again: Callable[[str], str] | None,
) -> int:
    ways = _ways(view, watching, is_in_lines=True)
    with opening as target:
        sys.excepthook = partial(crashed, secrets=target.settings.secrets)
        key = target.key
        if key is None:
            raise UsageError(
                "Which job? Give its id: ftmon JOB. "
                "(The screen, which asks for one, needs a terminal with UTF-8.)"
            )
        history, unrecordable = _history_file() if watching.record else (None, "")
        watcher = _watcher(watching, target, history, unrecordable)
        try:
            from ftmon.lines.follow import follow

            for notice in watcher.notices:
                say(notice)
            announcer = _announcer(ways, target)
            status = follow(watcher, key, ending, announcer, as_json=view.json, tail=view.tail)
        finally:
            # Only a closed watcher knows how many events are not recorded.
            watcher.close()
            _say_unrecorded(watcher)
        _say_next(status, left, _again(key, target, again))
    return status


def _announcer(ways: "Notification | None", target: Target) -> "Announcer | None":
    if ways is None:
        return None
    from ftmon.lines.announcer import Announcer

    return Announcer(ways, target.settings.secrets)


def _show_screen(
    view: View,
    watching: Watching,
    opening: AbstractContextManager[Target],
    ending: Ending,
    left: str,
    again: Callable[[str], str] | None,
) -> int:
    with Feedback() as feedback:
        ways = _ways(view, watching, is_in_lines=False)
        with opening as target:
            sys.excepthook = partial(crashed, secrets=target.settings.secrets)
            history, unrecordable = _history_file() if watching.record else (None, "")
            ending.restore = feedback.prepare()
            speed = watching.replay_speed
            # A run that is replayed at a pace begins with nothing.
            known = history if speed in (None, inf) else None
            feedback.draw(target.key, known, view.tail, is_recorded=speed is not None)
            with closing(_watcher(watching, target, history, unrecordable)) as watcher:
                app = _run_app(watcher, target, view, ending, ways, feedback)
    status = BUG if app.return_code is None else app.return_code
    run = app.watched
    if run is None or status == BUG:
        return status
    _leave_summary(run)
    # The screen has covered what was said before it.
    if watcher.is_unrecorded:
        say(watcher.unrecordable or "Nothing of this run was recorded.")
    _say_unrecorded(watcher)
    if status == TimeoutPassedError.exit_status:
        from ftmon.lines.news import time_passed

        say(time_passed(run, ending.timeout))
    elif run.connection.error is not None:
        say(str(run.connection.error))
    if run.is_cancelling:
        is_here = run.key.service == LOCAL
        asked = "the training was asked to end" if is_here else "the service was asked to cancel the job"
        left = f"left; {asked}."
    _say_next(status, left, _again(run.key, target, again))
    return status


def _again(key: "JobKey", target: Target, again: Callable[[str], str] | None) -> str:
    """Return the command that watches a job again, or an empty text for one that it would not reach."""
    from ftmon.commands.local import kept_run

    if key.service == LOCAL and kept_run(key.job_id) is not None:
        return f"ftmon watch {key.job_id}"
    # A run opened from the history may be another service's.
    return again(key.job_id) if again and key.service == target.settings.service else ""


def has_screen(view: View) -> bool:
    """Whether a run is shown on the screen.

    Textual draws on stderr and reads keys from stdin; with stdout in a pipe, its reader wants lines. The
    encoding must be UTF-8. With another one, escaped signs would break every line of the screen.
    """
    if view.json or view.plain:
        return False
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return (
        all(stream is not None and stream.isatty() for stream in streams)
        and os.environ.get("TERM", "dumb").lower() not in ("dumb", "unknown", "")
        and codecs.lookup(sys.stderr.encoding).name == "utf-8"
    )


def import_screen(view: View) -> None:
    """Import the screen in a thread, if there is to be one, while the caller waits for a service."""
    if has_screen(view):
        from importlib import import_module
        from threading import Thread

        from ftmon.tui.environment import clean_environment

        clean_environment()
        # No daemon: Python may hang where it ends in the middle of an import.
        Thread(target=lambda: list(map(import_module, _AHEAD)), name="import").start()


def _watcher(watching: Watching, target: Target, history: "Path | None", unrecordable: str) -> "Watcher":
    """Return a watcher that was told which job to watch or replay."""
    from ftmon.watch.watcher import Watcher

    watcher = Watcher(
        target.settings,
        stream=watching.stream,
        patient=watching.patient,
        history=history,
        unrecordable=unrecordable,
        offline=watching.replay_speed is not None,
    )
    if target.key is not None and watching.replay_speed is not None:
        watcher.replay(target.key, watching.replay_speed)
    elif target.key is not None:
        watcher.watch(target.key)
    return watcher


def _history_file() -> "tuple[Path | None, str]":
    """Return the path of the history, or None and a sentence that says why there is none."""
    from ftmon.paths import history_file

    try:
        return history_file(), ""
    except HistoryError as error:
        return None, f"Nothing is recorded: {error}."


def _run_app(
    watcher: "Watcher",
    target: Target,
    view: View,
    ending: Ending,
    ways: "Notification | None",
    feedback: Feedback,
) -> "FtmonApp":
    from ftmon.paths import layout_file
    from ftmon.tui.app import FtmonApp

    app = FtmonApp(
        watcher,
        target.key,
        exit_when_over=view.exit_when_over,
        tail=view.tail,
        ways=ways,
        layout=layout_file(),
        opening=feedback.opening,
        on_screen=feedback.hand_over,
        on_painted=feedback.end,
        on_exit=ending.begin,
    )
    ending.leave = app.leave
    ending.is_timeout_due = lambda: app.is_timeout_due
    app.run()
    # What follows is no longer the terminal's alone: it closes the watcher, too.
    ending.renew()
    if app.notifier is not None:
        app.notifier.finish(_LAST_NOTIFICATION)
    return app


def _leave_summary(run: "Run") -> None:
    """Print the summary where the screen was."""
    from datetime import UTC, datetime

    from ftmon.lines.summary import summary

    with suppress(OutputError, HungUpError):
        write(encoded("".join(f"{line}\n" for line in summary(run, datetime.now(UTC)))))


def _say_unrecorded(watcher: "Watcher") -> None:
    if count := watcher.unrecorded:
        from ftmon.text import plural

        say(f"{plural(count, 'event')} could not be recorded.")


def _say_next(status: int, left: str, command: str) -> None:
    """Say that the run was left, and with which command it can be watched again."""
    again = f"to watch it again: {command}" if command else ""
    if status == LEFT:
        say(f"{left} T{again[1:]}" if again else left)
    elif status == GaveUpError.exit_status and again:
        say(again)
