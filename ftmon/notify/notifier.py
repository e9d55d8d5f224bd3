"""Tells what is news of a run in every way that the user has chosen."""

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from time import monotonic

from ftmon.model.judge import Judge
from ftmon.model.key import JobKey
from ftmon.model.note import Note
from ftmon.model.run import Run
from ftmon.model.update import Update
from ftmon.notify.command import without_keys
from ftmon.notify.errand import Errand
from ftmon.notify.terminal import Terminal, terminal
from ftmon.notify.title import short_id
from ftmon.notify.tmux import ask_tmux
from ftmon.notify.words import TRIAL, Facts, facts, headline
from ftmon.safe import redact
from ftmon.settings.notification import Notification


class Notifier:
    """Is fed the updates of one run after the other, and tells each fact once."""

    def __init__(
        self,
        ways: Notification,
        *,
        ring: Callable[[str], None],
        report: Callable[[str], None],
        secrets: Iterable[str] = (),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Nothing is started before there is something to tell.

        Args:
            ways: how the user wants to be told.
            ring: writes a sequence to the terminal.
            report: tells the user, from any thread, that a way has failed.
            secrets: texts that never leave.
            now: the time by this machine's clock. What was before the first update of a run is its past.
            environ: names the terminal, and is handed to the command without its keys.
        """
        self._ways = ways
        self._ring = ring
        self._report = report
        self._secrets = tuple(secrets)
        self._environ = environ
        self._errands: list[Errand] = []
        self._now = now
        self._judge: Judge | None = None
        self._key: JobKey | None = None
        """Of the run that is judged."""

    def take(self, update: Update, run: Run) -> None:
        """Tell what is news of an update, which the run has applied already."""
        if self._judge is None or update.job_key != self._key:
            self._judge, self._key = Judge(self._now(), monotonic()), update.job_key
        self._tell(self._judge.take(update, run, monotonic()), run)

    def check(self, run: Run) -> None:
        """Tell what is news because nothing came."""
        if self._judge is not None:
            self._tell(self._judge.check(run, monotonic()), run)

    def wait(self, run: Run) -> float | None:
        """Return the seconds until `check` is to be called if nothing comes; None where that is useless."""
        return self._judge.wait(run) if self._judge is not None else None

    def finish(self, seconds: float) -> None:
        """Wait for what is being told, so many seconds at most."""
        deadline = monotonic() + seconds
        for errand in self._errands:
            errand.join(max(0.0, deadline - monotonic()))

    def try_out(self) -> str:
        """Tell something in each way, and return in words which these are."""
        shown_on = self._terminal
        self._ring(shown_on.notification(str(TRIAL["title"]), str(TRIAL["message"])))
        if self._ways.is_set:
            self._send(TRIAL)
        return f"Told: {shown_on.words}; {self._ways.words}."

    def _tell(self, notes: list[Note], run: Run) -> None:
        for note in notes:
            if note.reason in self._ways.reasons:
                title = f"{short_id(run.key.job_id)} {headline(note)}"
                self._ring(self._terminal.notification(title, redact(note.detail, self._secrets)))
                if self._ways.is_set:
                    self._send(facts(note, run))

    @property
    def _terminal(self) -> Terminal:
        # Asked anew each time: tmux may be shown on another terminal by now.
        return terminal(self._environ, ask_tmux(self._environ), self._ways.terminal)

    def _send(self, told: Facts) -> None:
        texts = {name: redact(text, self._secrets) for name, text in told.items() if isinstance(text, str)}
        environ = without_keys(self._environ, self._ways.key_variables)
        self._errands.append(Errand(self._ways, {**told, **texts}, environ, self._report))
