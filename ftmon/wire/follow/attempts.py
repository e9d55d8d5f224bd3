"""The attempts at the stream: the present one, if any, and what the last one has left."""

import asyncio
from collections.abc import Callable

from ftmon.model.update import Wire
from ftmon.wire.dialects.dialect import Page
from ftmon.wire.follow.session import Session
from ftmon.wire.follow.stream import Resumption, Stream
from ftmon.wire.follow.tasks import cancelled
from ftmon.wire.follow.timetable import Timetable


class Attempts:
    """At most one attempt at a time, as a task."""

    def __init__(self, session: Session, times: Timetable, wake: Callable[[], None]) -> None:
        self.present: Stream | None = None
        self.task: asyncio.Task[Page | None] | None = None
        """That of the present one."""
        self.last: Stream | None = None
        """The one that ended last."""
        self.is_behind = False
        """The list knew more than the last stream: the next one is trusted only for news."""
        self._session = session
        self._times = times
        self._wake = wake
        self._resumption = Resumption()

    @property
    def trusted(self) -> Stream | None:
        """The present one, if it is trusted."""
        return self.present if self.present is not None and self.present.is_trusted else None

    @property
    def retry(self) -> float:
        """Seconds that the stream asked to wait before the next attempt."""
        return self._resumption.retry

    def start(self) -> None:
        """Ask for the stream."""
        is_doubted = self.is_behind or self._session.wire is Wire.POLLING
        self.present = Stream(self._session, self._resumption, self._wake, is_doubted=is_doubted)
        self.task = asyncio.create_task(self.present.run(), name="stream")
        self._times.note_start(self.present)

    async def drop(self) -> None:
        """Give up the present one."""
        task, self.present, self.task = self.task, None, None
        await cancelled(task)

    def take_end(self) -> Stream:
        """Return the present one, which has ended, and keep it as the last."""
        stream, self.present, self.task = self.present, None, None
        assert stream is not None, "a task belongs to a stream"
        self.last = stream
        self.is_behind = self.is_behind and not stream.has_news
        self._times.note_end(stream)
        return stream
