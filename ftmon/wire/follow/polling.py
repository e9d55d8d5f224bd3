"""Reads the list of events: back to what is known, told in order, and never again and again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from time import monotonic

from ftmon.errors import RefusedError, TooLargeError, UnreachableError
from ftmon.model.event import Event
from ftmon.wire.client import MAX_BODY
from ftmon.wire.dialects.dialect import Page
from ftmon.wire.follow.ledger import Reading
from ftmon.wire.follow.session import Session
from ftmon.wire.pace import Pace
from ftmon.wire.service import NO_ROUTE

_MAX_PAGES = 2000
"""Pages of one reading; at `Pace.page` seconds each they take over three minutes."""


class Polling:
    """Reads one job's list, page by page, and reports what is new.

    Pages that come newest first are read until one holds a known event, and told once their place in the
    order is known. Pages that come oldest first are told as they come, and the next reading goes on after the
    last one.
    """

    def __init__(self, session: Session, pace: Pace) -> None:
        self._session = session
        self._pace = pace
        self._is_too_large = False
        self._after = ""
        """The cursor after which an oldest-first list goes on; empty for its beginning."""
        self._has_gap = True
        """Older events may be missing below those that were read."""
        self._gap_at = 0.0
        """When to read the older pages again."""

    async def read(self, first: Page | None = None, *, to_the_end: bool = False) -> int | None:
        """Read the list and report what is new; return how many events are, or None where there is no list.

        Args:
            first: the first page, where it has come already.
            to_the_end: read the older pages too where some of them are missing.

        Raises:
            RefusedError, UnreachableError: as `Service.page`, but for a missing route. What was read before
                the fault is told.
        """
        if self._is_too_large:
            return None
        is_whole = self._has_gap and (to_the_end or monotonic() >= self._gap_at)
        reading, held, count, has_list = Reading(), list[Page](), 0, False
        try:
            async with aclosing(self._pages(first, is_whole=is_whole)) as pages:
                async for page in pages:
                    has_list = True
                    if page.is_newest_first:
                        held.append(page)
                    else:
                        count += await self._tell(page.events, page.malformed, reading)
        except RefusedError as error:
            self._note_fault()
            if error.status not in NO_ROUTE or has_list:
                raise
            return None
        except TooLargeError as error:
            self._is_too_large = True
            await self._session.tell(notice=f"The list of events cannot be read: {error}.")
            return None
        except UnreachableError:
            self._note_fault()
            raise
        finally:
            if held:
                events = [event for page in reversed(held) for event in page.events]
                count += await self._tell(events, sum(page.malformed for page in held), reading)
        return count

    async def read_job_events(self) -> int | None:
        """Report what is new among the events inside the job object; None where it has none."""
        page = self._session.job_page
        return None if page is None else await self._tell(page.events, page.malformed, Reading())

    async def _tell(self, events: list[Event], malformed: int, reading: Reading) -> int:
        new = self._session.ledger.missing(events, reading)
        await self._session.tell_page(new, malformed=malformed)
        return len(new)

    def _note_fault(self) -> None:
        """Begin at the first page next time, and leave a bad later page alone for a while."""
        self._after = ""
        self._gap_at = monotonic() + self._pace.quiet_again

    async def _pages(self, first: Page | None, *, is_whole: bool) -> AsyncGenerator[Page, None]:
        """Yield the pages up to the list's end, or up to a known event unless `is_whole`."""
        session, cursor, size = self._session, self._after, 0
        cursors: set[str] = set()
        seen: set[int] = set()
        for number in range(_MAX_PAGES):
            if number:
                await asyncio.sleep(self._pace.page)
            page = first or await session.service.page(session.key.job_id, cursor)
            first = None
            keys = {event.key for event in page.events}
            if number and keys <= seen:
                # The service ignores the cursor.
                break
            seen |= keys
            reaches_known = session.ledger.reaches_known(page.events)
            yield page
            if page.is_newest_first:
                size += sum(len(event.raw) for event in page.events)
                if reaches_known and not is_whole:
                    return
            if not page.cursor or page.cursor in cursors:
                if cursors and page.events and not page.is_newest_first:
                    self._after = page.events[-1].own_id
                break
            if size > MAX_BODY:
                await self._tell_cut()
                break
            cursor = page.cursor
            cursors.add(cursor)
        else:
            await self._tell_cut()
        self._has_gap = False

    async def _tell_cut(self) -> None:
        await self._session.tell(
            notice="The list of events has no end; only the part that was read is shown."
        )
