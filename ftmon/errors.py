"""What can go wrong, as sentences that the user reads."""

LEFT = 130
"""The exit status where the watching was left before the job's end."""

BUG = 70
"""The exit status of a bug."""


class FtmonError(Exception):
    """A failure that is not a bug: its message is the sentence shown, its `exit_status` how ftmon ends."""

    exit_status = BUG


class UsageError(FtmonError):
    """The command line, the environment or a file named there cannot be used."""

    exit_status = 2


class HistoryError(FtmonError):
    """What was recorded on this machine cannot be used; its message is a part of a sentence."""

    exit_status = 2


class RefusedError(FtmonError):
    """The service refused, and asking again will not help: 400, 401, 403, 404, TLS, a foreign redirect.

    `status` is the HTTP status, or None where no answer was read.
    """

    exit_status = 4

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class UnreachableError(FtmonError):
    """The service could not be reached or answered nonsense: asking again may help.

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
    """An answer is larger than ftmon reads: asking again would not help."""


class GaveUpError(FtmonError):
    """Nothing more was to be had: unreachable for too long, or the job's end stays unknown."""

    exit_status = 5


class OutputError(FtmonError):
    """What was seen could not be written."""

    exit_status = 6


class TimeoutPassedError(FtmonError):
    """`--timeout` passed before the job was over."""

    exit_status = 124
