"""What is known of one followed job, and how news of it is reported."""

from collections import deque
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Protocol

from ftmon.errors import RefusedError, UnreachableError
from ftmon.model.action import Action, ActionOutcome
from ftmon.model.event import Event
from ftmon.model.job import Job, Status
from ftmon.model.key import JobKey
from ftmon.model.message import claims_end
from ftmon.model.update import Connection, Traffic, Update, Wire
from ftmon.wire.choosing import Candidates, find_job
from ftmon.wire.client import Client
from ftmon.wire.clock import loop_time
from ftmon.wire.dialects import made
from ftmon.wire.dialects.dialect import Page
from ftmon.wire.follow.ledger import Ledger
from ftmon.wire.follow.notices import Notices
from ftmon.wire.service import NO_ROUTE, Service


class Report(Protocol):
    """Takes updates, all of them before it waits for anything."""

    def __call__(self, *updates: Update) -> Awaitable[None]:
        """Take these, in this order."""
        ...


_AT_ONCE = 1000
"""Events of one update at most, so that none keeps a screen busy for long."""

_MOST_CHANGES = 100
"""Changes of status that are kept until it is known that the service has no events."""


class Session:
    """One job at one service: the job as last read, the events shown, and the report of both."""

    def __init__(self, client: Client, key: JobKey, candidates: Candidates, report: Report) -> None:
        self.key = key
        self.service = Service(client, candidates.likeliest)
        """Speaks the likeliest dialect until the job was found by another one."""
        self.ledger = Ledger(key.job_id)
        self.job: Job | None = None
        """As last read."""
        self.job_page: Page | None = None
        """The events inside the job object as last read; None where it has none."""
        self.job_refusal: RefusedError | None = None
        """The service seems to have no route to the job."""
        self.job_fault: UnreachableError | None = None
        """Why the last reading of the job failed, where that may pass."""
        self.answered_at: float | None = None
        """When the last good answer was read, by the loop's clock; a page of a list is one."""
        self.has_streamed = False
        """A stream told an event."""
        self.has_past = False
        """The history holds something of the job."""
        self.has_figures = False
        """An event told a loss or a reward, or looks as if it did."""
        self.final_at: float | None = None
        """When the job was first read as over, by the loop's clock."""
        self.was_over_before = False
        """The first reading of the job found it over."""
        self.claimed_at: float | None = None
        """When an end of the events was told, by a message or by the stream; None where news came since."""
        self.has_said_end = False
        """The last event says that the job is over."""
        self.connection = Connection(Wire.CONNECTING)
        """As last reported."""
        self.traffic = Traffic()
        """So far, but for the bytes, which the client counts."""
        self._candidates = candidates
        self._report = report
        self._notices = Notices()
        self._changes: deque[Event] = deque(maxlen=_MOST_CHANGES)
        """Changes of the job's status, should the service have no events."""

    @property
    def was_heard(self) -> bool:
        """A good answer was read."""
        return self.answered_at is not None

    @property
    def wire(self) -> Wire:
        """The state of the connection as last reported."""
        return self.connection.wire

    @property
    def is_final(self) -> bool:
        """The job is over."""
        return self.final_at is not None

    @property
    def is_status_known(self) -> bool:
        """The service said how the job stands, in a word that ftmon knows."""
        return self.status is not Status.UNKNOWN

    @property
    def status(self) -> Status:
        """The job's status as last read; unknown before it was read."""
        return self.job.status if self.job else Status.UNKNOWN

    @property
    def has_begun_late(self) -> bool:
        """The first event shown is later than the job, so that others may have come before it."""
        first, job = self.ledger.first, self.job
        if first is None or job is None or first.created_at is None or job.created_at is None:
            return False
        return first.created_at > job.created_at

    def restore(self, update: Update) -> None:
        """Take the recorded past of the job as known and as shown."""
        self.has_past = True
        self.job = update.job or self.job
        if update.dialect:
            self._candidates = self._candidates.of_job(update.dialect)
            self.service = Service(self.service.client, self._candidates.likeliest)
        for event in update.events:
            self.ledger.restore(event)
        self._note_figures(update.events)

    # Reading the job

    async def read_job(self) -> None:
        """Read the job object and report it.

        A missing route, a server error and an unreadable answer are no reason to leave the events alone: they
        are kept in `job_refusal` and `job_fault`. Once the job was read, a missing route means it is gone.

        Raises:
            RefusedError, UnreachableError: as `Service.job`, but for those.
        """
        # A fault says nothing about the dialect, which is looked for again then.
        is_found = self.was_heard and (self.job is not None or self.job_refusal is not None)
        try:
            if is_found:
                answer = await self.service.job(self.key.job_id)
            else:
                self.service, found = await find_job(self.service.client, self._candidates, self.key.job_id)
                if isinstance(found, RefusedError):
                    raise found
                answer = found
        except RefusedError as error:
            if self.job is not None or error.status not in NO_ROUTE:
                raise
            self.job_refusal, self.job_fault = error, None
            return
        except UnreachableError as error:
            self.job_fault = error
            if error.status is None:
                raise
            return
        self.job_page, self.job_fault = answer.page, None
        await self.take_job(answer.job)

    async def ask(self, action: Action) -> ActionOutcome:
        """Ask the service to do something with the job, and report the job as it is then."""
        if not self.was_heard:
            await self.read_job()
        outcome = await self.service.ask(action, self.key.job_id)
        if outcome.job is not None:
            await self.take_job(outcome.job)
        return outcome

    async def take_job(self, job: Job) -> None:
        """Take and report a new reading of the job.

        A job that is over stays so: a reading that says that it runs is older.
        """
        if self.is_final and not job.is_over:
            return
        if job.is_over and self.final_at is None:
            self.final_at = loop_time()
            self.was_over_before = not self.was_heard
        self.note_answer()
        if self.job is None or self.job.provider_status != job.provider_status:
            skew = timedelta(seconds=self.service.client.clock.skew or 0.0)
            self._changes.append(made.status_change(job, datetime.now(UTC) + skew))
        self.job = replace(job, id=self.key.job_id)
        notice = "" if job.has_ended else self._notices.status(job)
        await self.tell(job=self.job, notice=notice)

    # Reporting

    async def tell_status_changes(self) -> int | None:
        """Report the changes of the job's status as events, for a service that has none.

        Returns how many events were reported; None where the job was never read.
        """
        if self.job is None:
            return None
        changes, self._changes = list(self._changes), deque(maxlen=_MOST_CHANGES)
        if new := self.ledger.missing(changes):
            await self.tell_page(new)
        return len(new)

    async def tell_page(self, events: Sequence[Event], *, malformed: int = 0) -> None:
        """Report new events of the list, in updates of at most `_AT_ONCE`."""
        loss = f"Skipped what is no event ({malformed} in the list)."
        notice = self._notices.loss(loss) if malformed else ""
        self.note_answer()
        self._note_end(events)
        starts = range(0, max(1, len(events)), _AT_ONCE)
        updates = [
            replace(self._update, events=tuple(events[start : start + _AT_ONCE]), heard=True)
            for start in starts
        ]
        updates[-1] = replace(updates[-1], notice=notice)
        # All at once: they count as shown already, and this may be cancelled while it waits for room.
        await self._report(*updates)

    async def tell_stream(
        self,
        events: Sequence[Event],
        *,
        lost: int,
        errors: Sequence[str],
        connection: Connection | None = None,
    ) -> None:
        """Report new events of the stream, `lost` messages that were no events, and errors inside it."""
        loss = f"Skipped what is no event ({lost} so far); the stream goes on."
        self._note_end(events)
        notice = self._notices.loss(loss) if lost else ""
        await self.tell(events=tuple(events), connection=connection, heard=True, notice=notice)
        if errors:
            told = list(filter(None, map(self._notices.error, errors)))
            # The last sentence counts the errors before it.
            notice = "".join(told[-1:])
            await self._report(replace(self._update, stream_errors=self._notices.errors, notice=notice))

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
        if connection is not None:
            self.connection = connection
        update = self._update
        await self._report(
            replace(update, events=events, job=job, connection=connection, heard=heard, notice=notice)
        )

    async def tell_next_reading(self, due: float) -> None:
        """Say when the list is read next, by the loop's clock, while it stands in for a stream."""
        connection, delay = self.connection, max(0.0, due - loop_time())
        if connection.wire is Wire.POLLING and delay < inf and delay != connection.delay:
            await self.tell(connection=replace(connection, delay=delay))

    @property
    def _update(self) -> Update:
        """An update of now without news."""
        service = self.service
        return Update(
            self.key,
            datetime.now(UTC),
            dialect=service.dialect.name,
            why=service.why,
            skew=service.client.clock.skew,
            traffic=self.traffic._replace(received=service.client.meter.received),
        )

    def note_answer(self) -> None:
        """A good answer was read."""
        self.answered_at = loop_time()

    def note_stream(self) -> None:
        """A stream was opened."""
        self.traffic = self.traffic._replace(streams=self.traffic.streams + 1)

    def note_fault(self, fault: UnreachableError) -> None:
        """An attempt has failed."""
        self.traffic = self.traffic._replace(fault=str(fault), fault_at=datetime.now(UTC))

    def note_claim(self) -> None:
        """The events seem to be over."""
        self.claimed_at = self.claimed_at or loop_time()

    def _note_figures(self, events: Sequence[Event]) -> None:
        self.has_figures = self.has_figures or any(
            "loss" in event.raw or "reward" in event.raw for event in events
        )

    def _note_end(self, events: Sequence[Event]) -> None:
        self._note_figures(events)
        if events:
            self.has_said_end = claims_end(events[-1].message)
            self.claimed_at = loop_time() if self.has_said_end else None
