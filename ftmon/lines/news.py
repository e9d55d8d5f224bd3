"""What stderr says about the connection, and about a timeout."""

from ftmon.lines.output import say
from ftmon.model.job import Status
from ftmon.model.run import Run
from ftmon.model.update import Connection, Update, Wire


def say_news(update: Update, before: Connection) -> None:
    """Say the notice of an update and what changed in the connection, one sentence each.

    `before` is the connection until then: while the list is read, each reading tells when the next one is.
    """
    if update.notice:
        say(update.notice)
    connection = update.connection
    if connection is None:
        return
    if connection.wire is Wire.WAITING:
        tries = f" (attempt {connection.attempt})" if connection.attempt > 1 else ""
        say(f"reconnecting in {max(1, round(connection.delay))} s: {connection.reason}{tries}")
    reason = connection.reason
    if connection.wire is Wire.POLLING and (before.wire, before.reason) != (Wire.POLLING, reason):
        problem = f"the stream cannot be read ({reason})" if reason else "the service has no stream"
        say(f"{problem}; asking every few seconds")
    if connection.error is not None:
        say(str(connection.error))


def time_passed(run: Run, timeout: float | None) -> str:
    """Return the sentence for a run that was not over after `timeout` seconds."""
    passed = f"after {timeout:g} s"
    if run.connection.wire is Wire.REPLAYING:
        return f"The replay was not over {passed}."
    if run.status.is_final:
        was = "was " if run.status is Status.CANCELLED else ""
        return f"The job {was}{run.status.value}, but its last events had not all come {passed}."
    if run.is_cancelling:
        return f"The job was not over {passed}; the service was asked to cancel it."
    if run.job is not None or run.events:
        return f"No end of the job was seen {passed}; leaving does not touch it."
    return f"The service had sent nothing about the job {passed}."
