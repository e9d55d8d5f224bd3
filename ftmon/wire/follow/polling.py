"""Reads the list of events: back to what is known, told in order, and never again and again."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress

from ftmon.errors import RefusedError, TooLargeError, UnreachableError
from ftmon.model.event import Event
from ftmon.wire.client import MAX_BODY
from ftmon.wire.clock import loop_time
from ftmon.wire.dialects.dialect import Page
from ftmon.wire.dialects.reading import by_time
from ftmon.wire.follow.ledger import Reading
from ftmon.wire.follow.session import Session
from ftmon.wire.pace import Pace
from ftmon.wire.service import NO_ROUTE

MAX_PAGES = 2000
"""Pages of one reading; at `Pace.page` seconds each they take over three minutes."""


class Polling:
    """Reads one job's list, page by page, and reports what is new.

    Pages that come newest first are read until one holds a known event, and told once their place in the
    order is known. Pages that come oldest first are told as they come, and the next reading goes on after the
    last one.
    """

    def __init__(
        self, session: Session, pace: Pace, *, max_pages: int = MAX_PAGES, max_size: int = MAX_BODY
    ) -> None:
        self._session = session
        self._pace = pace
        self._max_pages = max_pages
        self._max_size = max_size
        self._is_too_large = False
        self._is_newest_first: bool | None = None
        """The order that the times of the last pages showed; None before any did."""
        self._after = ""
        """The cursor after which an oldest-first list goes on; empty for its beginning."""
        self._has_gap = True
        """Older events may be missing below those that were read."""
        self._gap_at = 0.0
        """When to read the older pages again."""
        self._beside: list[Event] = []
        """Events of other lists that are still to be told at their place among those of this one."""
        self._told: set[str] = set()
        """Notices about the list, each told once."""

    async def read(
        self, first: Page | None = None, *, to_the_end: bool = False, beside: Sequence[Event] = ()
    ) -> int | None:
        """Read the list and report what is new; return how many events are, or None where there is no list.

        Args:
            first: the first page, where it has come already.
            to_the_end: read the older pages too where some of them are missing.
            beside: events of other lists, in the order of their times, to be told at their place among these.

        Raises:
            RefusedError, UnreachableError: as `Service.page`, but for a missing route. What was read before
                the fault is told.
        """
        self._beside = list(beside)
        if self._is_too_large or not self._session.service.dialect.paths.events:
            await self._tell_rest([], Reading())
            return None
        is_whole = self._has_gap and (to_the_end or loop_time() >= self._gap_at)
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
            await self._tell_once(f"The list of events cannot be read: {error}.")
            # Newer pages of a newest-first list can still be read.
            self._is_too_large, self._has_gap = not held, False
            if not has_list:
                return None
        except UnreachableError:
            self._note_fault()
            raise
        except asyncio.CancelledError:
            # Report without waiting for room, which may never come: this reading is to end now.
            with suppress(TimeoutError):
                async with asyncio.timeout(0):
                    await self._tell_rest(held, reading)
            held.clear()
            raise
        finally:
            count += await self._tell_rest(held, reading)
        return count

    async def read_job_events(self) -> int | None:
        """Report what is new among the events inside the job object; None where it has none."""
        page = self._session.job_page
        return None if page is None else await self._tell(page.events, page.malformed, Reading())

    async def tell(self, events: list[Event]) -> int:
        """Report what is new among the events of another list; return how many are."""
        return await self._tell(events, 0, Reading())

    async def _tell_rest(self, held: list[Page], reading: Reading) -> int:
        """Tell pages that came newest first, and the events of other lists that are left."""
        events = [event for page in reversed(held) for event in page.events]
        beside, self._beside = self._beside, []
        if not (held or beside):
            return 0
        malformed = sum(page.malformed for page in held)
        return await self._tell(by_time([*events, *beside]) if beside else events, malformed, reading)

    async def _tell(self, events: list[Event], malformed: int, reading: Reading) -> int:
        if self._beside and events and (last := events[-1].created_at) is not None:
            earlier = [each for each in self._beside if each.created_at is None or each.created_at <= last]
            del self._beside[: len(earlier)]
            events = by_time([*events, *earlier])
        new = self._session.ledger.missing(events, reading)
        await self._session.tell_page(new, malformed=malformed)
        return len(new)

    async def _tell_once(self, notice: str) -> None:
        if notice not in self._told:
            self._told.add(notice)
            await self._session.tell(notice=notice)

    def _note_fault(self) -> None:
        """Begin at the first page next time, and leave a bad later page alone for a while."""
        self._after = ""
        self._gap_at = loop_time() + self._pace.quiet_again

    async def _pages(self, first: Page | None, *, is_whole: bool) -> AsyncGenerator[Page, None]:
        """Yield the pages up to the list's end, or up to a known event unless `is_whole`."""
        session, cursor, size = self._session, self._after, 0
        had_gap, last_id = self._has_gap, self._after
        cursors: set[str] = set()
        seen: set[tuple[int, int]] = set()
        for number in range(self._max_pages):
            if number:
                await asyncio.sleep(max(self._pace.page, session.service.client.allowance.seconds))
            page = self._ordered(first or await session.service.page(session.key.job_id, cursor))
            first = None
            session.note_answer()
            keys = {(event.key, event.loose_key) for event in page.events}
            if number and keys <= seen:
                # The service ignores the cursor.
                break
            seen |= keys
            reaches_known = session.ledger.reaches_known(page.events)
            is_known = all(map(session.ledger.knows, page.events))
            yield page
            if page.is_newest_first:
                # Whatever ends this reading early leaves older events unread.
                self._has_gap = True
                size += sum(len(event.raw) for event in page.events)
                if reaches_known and not is_whole:
                    self._has_gap = had_gap
                    return
            elif page.events:
                last_id = page.resume or page.events[-1].own_id or last_id
            is_circle = number > 0 and self._after != "" and is_known
            if not page.cursor or page.cursor in cursors or is_circle:
                break
            if size > self._max_size:
                await self._tell_cut()
                break
            cursor = page.cursor
            cursors.add(cursor)
        else:
            await self._tell_cut()
        self._has_gap = False
        if cursors or page.resume:
            self._after = last_id

    def _ordered(self, page: Page) -> Page:
        """Return a page whose times show no order in the order of the pages before it."""
        if page.shows_order:
            self._is_newest_first = page.is_newest_first
        elif self._is_newest_first is not None and page.is_newest_first is not self._is_newest_first:
            return page._replace(events=page.events[::-1], is_newest_first=self._is_newest_first)
        return page

    async def _tell_cut(self) -> None:
        await self._tell_once("The list of events has no end; only the part that was read is shown.")
