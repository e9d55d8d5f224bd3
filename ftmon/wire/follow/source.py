"""One job at one service: asks for it, and reports what is new in the answers."""

from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Protocol

from ftmon.errors import RefusedError, UnreachableError
from ftmon.model.event import Event
from ftmon.model.job import Job, JobKey, Status
from ftmon.model.update import Connection, Update
from ftmon.wire.client import MAX_BODY, Answer, Client
from ftmon.wire.dialects import fine_tunes
from ftmon.wire.dialects.fine_tunes import Page
from ftmon.wire.follow.ledger import Ledger


class Report(Protocol):
    """Takes updates, all of them before it waits for anything."""

    def __call__(self, *updates: Update) -> Awaitable[None]:
        """Take these, in this order."""
        ...


_AT_ONCE = 1000
"""The most events of one update, so that none keeps a screen busy for long."""

NO_ROUTE = (404, 405, 501)
"""What a service answers that does not have a route, or not for this job."""


class Source:
    """The requests for one job, and what is known from their answers."""

    def __init__(self, client: Client, job_id: str, report: Report) -> None:
        self.key = JobKey(client.settings.base_url, job_id)
        self.client = client
        self.ledger = Ledger()
        self.job: Job | None = None
        """As last read."""
        self.job_refusal: RefusedError | None = None
        """The service seems to have no route to the job object."""
        self.job_fault: UnreachableError | None = None
        """Why the job could not be read the last time, where that may pass."""
        self.was_heard = False
        """A good answer was read."""
        self.has_told_of_loss = False
        """The user knows that something could not be read as an event."""
        self.told_error = ""
        """The last error that the service told of in its stream."""
        self.has_past = False
        """Something of the job was recorded before."""
        self._report = report
        self._refused_since: float | None = None
        """When the list was refused for the first time once the job was over."""
        self._beginnings: set[str | None] = set()

    @property
    def is_final(self) -> bool:
        """The job is known to be over."""
        return self.job is not None and self.job.status.is_final

    @property
    def is_status_known(self) -> bool:
        """The service said how the job stands, in a word that means something here."""
        return self.job is not None and self.job.status is not Status.UNKNOWN

    @property
    def has_begun_late(self) -> bool:
        """The first event shown is later than the job, so that others may have come before it."""
        first, job = self.ledger.first, self.job
        if first is None or job is None or first.created_at is None or job.created_at is None:
            return False
        return first.created_at > job.created_at

    def restore(self, update: Update) -> None:
        """Take what was recorded of the job before as known, and as shown."""
        self.has_past = True
        self.job = update.job or self.job
        for event in update.events:
            self.ledger.restore(event)

    def is_new_beginning(self, frame_id: str | None) -> bool:
        """Note the id of a connection's first event; False where one began with it, as each replay does."""
        is_new = frame_id not in self._beginnings
        self._beginnings.add(frame_id)
        return is_new

    async def read_job(self) -> list[Any] | None:
        """Read the job object and report it; return the entries of its events, None where it has none.

        A missing route and a server error are no reason to leave the events alone; once the job was seen, a
        missing route means that it is gone.

        Raises:
            RefusedError, UnreachableError: as `Client.get`, but for those.
        """
        self.job_fault = None
        try:
            answer = fine_tunes.parse_job(await self.client.get(fine_tunes.job_path(self.key.job_id)))
        except RefusedError as error:
            if self.job is not None or error.status not in NO_ROUTE:
                raise
            self.job_refusal = error
            return None
        except UnreachableError as error:
            if error.status is None:
                raise
            self.job_fault = error
            return None
        except ValueError:
            return None
        self.was_heard = True
        self.job = replace(answer.job, id=self.key.job_id)
        await self.tell(job=self.job)
        return answer.entries

    async def read_page(self, first: bytes | None = None) -> Page | None:
        """Read the list of events, all its pages, of which the first may be there; None where there is none.

        Raises:
            RefusedError, UnreachableError: as `Client.get`, but for a missing route.
        """
        try:
            body = await self._page_after("") if first is None else first
            pages = [fine_tunes.parse_page(body)]
            size, cursors = len(body), set()
            while (cursor := pages[-1].cursor) and size <= MAX_BODY:
                cursors.add(cursor)
                body = await self._page_after(cursor)
                size += len(body)
                page = fine_tunes.parse_page(body)
                if page.cursor in cursors:
                    # It goes in a circle.
                    break
                pages.append(page)
        except RefusedError as error:
            if error.status not in NO_ROUTE:
                raise
            return None
        except ValueError:
            return None
        return fine_tunes.joined(pages)

    async def read_last_page(self, patience: float, first: bytes | None = None) -> Page | None:
        """Read the list once the job is over; None, which is told, where it is refused for so many seconds.

        Raises:
            RefusedError, UnreachableError: as `read_page`, as long as it may still come.
        """
        try:
            return await self.read_page(first)
        except (RefusedError, UnreachableError) as error:
            # What cannot be reached may be again, and all that is missing with it.
            if error.status is None:
                raise
            self._refused_since = self._refused_since or monotonic()
            if monotonic() - self._refused_since <= patience:
                raise
            reason = str(error).rstrip(".")
            await self.tell(notice=f"The list of the events cannot be read ({reason}); some may be missing.")
            return None

    async def _page_after(self, cursor: str) -> bytes:
        return await self.client.get(fine_tunes.events_path(self.key.job_id, stream=False, cursor=cursor))

    def open_stream(self, last_event_id: str) -> AbstractAsyncContextManager[Answer]:
        """Ask for the stream; raises as `Client.open`."""
        return self.client.open(
            fine_tunes.events_path(self.key.job_id, stream=True),
            accept="text/event-stream",
            last_event_id=last_event_id,
        )

    async def tell_page(self, page: Page | None, connection: Connection | None = None) -> None:
        """Report what a full list holds more often than was shown."""
        page = page or Page([])
        notice = ""
        if page.malformed and not self.has_told_of_loss:
            self.has_told_of_loss = True
            notice = f"Skipped what is no event ({page.malformed} in the list)."
        events = self.ledger.missing(page.events)
        now = datetime.now(UTC)
        starts = range(0, max(1, len(events)), _AT_ONCE)
        pieces = [tuple(events[start : start + _AT_ONCE]) for start in starts]
        updates = [Update(self.key, now, piece, heard=True) for piece in pieces]
        updates[-1] = replace(updates[-1], connection=connection, notice=notice)
        # All at once, because they count as shown, and whoever waits for room may be cancelled.
        await self._report(*updates)

    async def tell(
        self,
        *,
        events: tuple[Event, ...] = (),
        job: Job | None = None,
        connection: Connection | None = None,
        heard: bool = False,
        notice: str = "",
    ) -> None:
        """Report one piece of news."""
        await self._report(Update(self.key, datetime.now(UTC), events, job, connection, heard, notice))
