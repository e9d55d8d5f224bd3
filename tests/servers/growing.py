"""Serves a job of OpenAI's first API whose events appear one after another in its list."""

from collections.abc import Callable, Sequence

from tests.servers.fine_tunes import JOB, LIST, STORY, STREAM, Fields, answer, job, page
from tests.servers.scripted import Script, Server


class GrowingServer(Server):
    """Each reading of the job after the first brings one more event, and in the end the job's.

    So the list grows by one event with each reading of both, however fast the client asks. The stream is that
    of a test.
    """

    def __init__(self, streams: Sequence[Script] | Callable[[], Script]) -> None:
        super().__init__({JOB: self._job, LIST: self._list, STREAM: streams})
        self.listed: list[int] = []
        """How many events each reading of the list brought."""

    @property
    def is_over(self) -> bool:
        """The job was told to be over."""
        return len(self.asked(JOB)) > len(STORY) + 1

    @property
    def written(self) -> list[Fields]:
        """The events so far."""
        return STORY[: max(0, len(self.asked(JOB)) - 1)]

    def _job(self) -> Script:
        return answer(job("succeeded" if self.is_over else "running"))

    def _list(self) -> Script:
        self.listed.append(len(self.written))
        return page(*self.written)
