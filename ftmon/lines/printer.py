"""The events of a run as text lines or JSON Lines."""

from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic

from ftmon import json_text, text
from ftmon.lines.news import say_news
from ftmon.lines.output import encoded, say, write
from ftmon.lines.summary import summary
from ftmon.model.event import Event, event_json
from ftmon.model.job import job_json
from ftmon.model.run import Run
from ftmon.model.tail import Tail
from ftmon.model.update import Update


class Printer:
    """Applies updates to a run, prints their events, and at the end prints the job."""

    def __init__(self, run: Run, *, as_json: bool, tail: int | None = None) -> None:
        self.run = run
        self._tail = Tail(tail)
        self._as_json = as_json
        self._began_at = datetime.now(UTC)

    def show(self, update: Update) -> None:
        """Print the events of an update on stdout, and news of the connection on stderr."""
        before = self.run.connection
        self.run.apply(update)
        was_past = not self._tail.is_over
        events = self._tail.take(update, self.run.service_time(self._began_at), monotonic())
        if was_past and self._tail.is_over:
            self._say_hidden()
        self._print(events)
        say_news(update, before)

    @property
    def until_past_ends(self) -> float | None:
        """Seconds until the past is over if nothing comes; None where that is not known, or it is over."""
        return self._tail.wait(monotonic())

    def end_past(self) -> None:
        """Print the end of the past where it is over by now."""
        if self.until_past_ends == 0:
            events = self._tail.end()
            self._say_hidden()
            self._print(events)

    def _say_hidden(self) -> None:
        if sentence := text.hidden(self._tail.hidden):
            say(sentence)

    def _print(self, events: Sequence[Event]) -> None:
        if not events:
            return
        if self._as_json:
            job_id = self.run.key.job_id
            write(json_text.encode_lines([event_json(event, job_id) for event in events]))
        else:
            write(encoded("".join([text_line(event) for event in events])))

    def close(self) -> None:
        """Print the job as last known, if the service ever sent it."""
        run = self.run
        if not self._tail.is_over:
            self._print(self._tail.end())
            self._say_hidden()
        if run.last_job is None:
            return
        if self._as_json:
            write(json_text.encode_lines([job_json(run.last_job, run.events, run.failure)]))
        else:
            write(encoded("\n" + "".join(f"{line}\n" for line in summary(run, datetime.now(UTC)))))


def text_line(event: Event) -> str:
    """Return `2026-01-31 14:02:11  message`, with warnings and errors marked and further lines indented.

    A time that is estimated is marked.
    """
    message = event.message.replace("\n", "\n" + " " * 21)
    time = f"{text.ESTIMATED if event.is_estimated else ''}{text.stamp(event.created_at)}"
    return f"{time:<21}{text.LEVEL_WORDS[event.level]}{message}\n"
