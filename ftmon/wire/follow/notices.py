"""Sentences for the user about what a service sends, each told once."""

from ftmon.model.job import Job, Status

_MOST_WORDS = 5
"""Words of status that are told. A status that counts (`45 %`) has a new one at each reading."""


class Notices:
    """Remembers what was told of one job. Its methods return a sentence, or "" for what was told before."""

    def __init__(self) -> None:
        self._has_told_loss = False
        self.errors = 0
        """Errors that the service told of inside the stream."""
        self._last_error = ""
        self._words: set[str] = set()

    def loss(self, sentence: str) -> str:
        """Tell of messages that were no events."""
        if self._has_told_loss:
            return ""
        self._has_told_loss = True
        return sentence

    def error(self, error: str) -> str:
        """Tell of the first error inside the stream, and of the tenth, the hundredth and so on."""
        if error == self._last_error:
            return ""
        self._last_error = error
        self.errors += 1
        if self.errors == 1:
            return f"The service told of an error: {error}"
        is_power_of_ten = str(self.errors).rstrip("0") == "1"
        return f"The service told of {self.errors} errors, the last one: {error}" if is_power_of_ten else ""

    def status(self, job: Job) -> str:
        """Tell of a word of status that ftmon does not know."""
        word = job.provider_status or ""
        if (
            not word
            or job.status is not Status.UNKNOWN
            or word in self._words
            or len(self._words) == _MOST_WORDS
        ):
            return ""
        self._words.add(word)
        return f"The service gives the job's status as {word[:60]}, which ftmon does not know."
