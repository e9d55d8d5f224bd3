"""The events of a run as text lines or JSON Lines."""

from ftmon import json_text, text
from ftmon.lines.news import say_news
from ftmon.lines.output import encoded, write
from ftmon.lines.summary import summary
from ftmon.model.event import Event, event_json
from ftmon.model.job import job_json
from ftmon.model.run import Run
from ftmon.model.update import Update


class Printer:
    """Applies updates to a run, prints their events, and at the end prints the job."""

    def __init__(self, run: Run, *, as_json: bool) -> None:
        self.run = run
        self._as_json = as_json

    def show(self, update: Update) -> None:
        """Print the events of an update on stdout, and news of the connection on stderr."""
        before = self.run.connection
        self.run.apply(update)
        if update.events:
            job_id = self.run.key.job_id
            if self._as_json:
                write(json_text.encode_lines([event_json(event, job_id) for event in update.events]))
            else:
                write(encoded("".join([text_line(event) for event in update.events])))
        say_news(update, before)

    def close(self) -> None:
        """Print the job as last known, if the service ever sent it."""
        run = self.run
        if run.last_job is None:
            return
        if self._as_json:
            write(json_text.encode_lines([job_json(run.last_job, run.events, run.failure)]))
        else:
            write(encoded("\n" + "".join(f"{line}\n" for line in summary(run))))


def text_line(event: Event) -> str:
    """Return `2026-01-31 14:02:11  message`, with warnings and errors marked and further lines indented."""
    message = event.message.replace("\n", "\n" + " " * 21)
    return f"{text.stamp(event.created_at)}  {text.LEVEL_WORDS[event.level]}{message}\n"
