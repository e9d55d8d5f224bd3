"""The errors that a user meets. Each message is a sentence to act on."""

LEFT = 130
"""The exit status when the user leaves before the job is over."""

HUNG_UP = 129
"""The exit status when the terminal is gone, whether or not a SIGHUP told so."""

BUG = 70
"""The exit status of a bug."""


class FtmonError(Exception):
    """A failure that is not a bug. Its message is shown, and ftmon ends with its `exit_status`."""

    exit_status = BUG


class UsageError(FtmonError):
    """The command line, the environment or a file named there cannot be used."""

    exit_status = 2


class HistoryError(FtmonError):
    """The history of this machine cannot be used. The message is a part of a sentence."""

    exit_status = 2


class RemovedError(FtmonError):
    """A recorded run was removed while it was read, so what was written of it is not whole."""

    exit_status = 6


class RefusedError(FtmonError):
    """The service refused, and a retry will not help: 400, 401, 403, 404, TLS, a foreign redirect.

    `status` is the HTTP status, or None where no answer was read. `said` is the service's own sentence, which
    the message has in it; empty where there is none.
    """

    exit_status = 4

    def __init__(self, message: str, status: int | None = None, said: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.said = said


class UnreachableError(FtmonError):
    """The service could not be reached, or its answer could not be read. A retry may help.

    Its message is a part of a sentence, such as `api.openai.com refused the connection`. `retry_after` is
    how long the service wants to be left alone, in seconds, or None. `status` is the HTTP status, or None
    where no answer was read.
    """

    exit_status = 5

    def __init__(self, message: str, *, retry_after: float | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status


class TooLargeError(UnreachableError):
    """An answer is larger than ftmon reads. A retry would not help."""


class UnclearError(UnreachableError):
    """A request was sent, and nothing proves whether the service has done what was asked."""


class GaveUpError(FtmonError):
    """ftmon gave up: the service was unreachable for too long, or the job's end stays unknown."""

    exit_status = 5


class HungUpError(FtmonError):
    """The terminal is gone."""

    exit_status = HUNG_UP


class OutputError(FtmonError):
    """Standard output or a file could not be written."""

    exit_status = 6


class TimeoutPassedError(FtmonError):
    """`--timeout` passed before the job was over."""

    exit_status = 124
