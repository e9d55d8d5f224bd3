"""The watcher: one daemon thread that follows a job and hands its updates over; both front ends use it.

Only this thread touches the network. The history stands on a thread beside it, so that a slow disk delays no
request, and a front end that stands still delays neither.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import cached_property, partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ftmon.errors import FtmonError
from ftmon.model.key import JobKey
from ftmon.settings import Settings
from ftmon.watch.queue import Queue
from ftmon.watch.services import Services
from ftmon.watch.sleep import notice_sleep

# What the first paint does not need is imported after it, on the watcher's thread.
if TYPE_CHECKING:
    from ftmon.history.reader import RecordedRun
    from ftmon.history.recorder import Recorder
    from ftmon.history.replay import Replay
    from ftmon.history.store import History
    from ftmon.model.action import Action, ActionOutcome
    from ftmon.model.job import Job
    from ftmon.model.update import Update
    from ftmon.watch.delivery import Delivery
    from ftmon.wire.follow.follower import Follower
    from ftmon.wire.pace import Pace

_CLOSING = 0.5
"""Seconds that closing may take."""

_T = TypeVar("_T")


class Watcher:
    """Follows one job at a time on a thread of its own, or replays a recorded one."""

    def __init__(
        self,
        settings: Settings,
        *,
        stream: bool = True,
        patient: bool = False,
        pace: "Pace | None" = None,
        history: Path | None = None,
        unrecordable: str = "",
        offline: bool = False,
    ) -> None:
        self.is_offline = offline
        """Only the history is shown: no service is asked."""
        self.base_url = settings.service
        self.unrecordable = unrecordable
        self.notices = (*settings.notices, *filter(None, (unrecordable,)))
        self.history = history
        """The path of the history; None where nothing is recorded."""
        self.settings = settings
        self._is_stream_wanted = stream
        self._is_patient = patient
        self._own_pace = pace
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._queue = Queue()
        self._room = asyncio.Event()
        self._delivery: Delivery | None = None
        self.services = Services(settings, self._remembered)
        self._follower: Follower | None = None
        self._followed_key: JobKey | None = None
        self._replay: Replay | None = None
        self._speed = inf
        """Of the replay, or of the next one."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: set[Future[Any]] = set()
        self._following: asyncio.Task[None] | None = None
        self._crash: BaseException | None = None

    @property
    def unrecorded(self) -> int:
        """How many events are missing in the history at the end; 0 where it could never be used."""
        return self._delivery.unrecorded if self._delivery is not None else 0

    @property
    def is_unrecorded(self) -> bool:
        """Nothing is recorded, although that is wanted. `unrecordable` may say why, in a sentence."""
        return bool(self.unrecordable or (self._delivery and self._delivery.is_read_only))

    def start(self, wake: Callable[[], None]) -> None:
        """Start the thread, which calls `wake` when there is an update after there was none."""
        self._queue.wake = wake
        self._thread.start()

    def watch(self, key: JobKey) -> None:
        """Follow this job instead of the one that was shown so far."""
        self.services.note(key)
        session = self._queue.begin()
        self._loop.call_soon_threadsafe(self._turn_to, partial(self._followed, session, key))

    def can_watch(self, key: JobKey) -> bool:
        """Whether a job can be watched now; otherwise only what is recorded of it can be shown."""
        return not self.is_offline and self.services.has(key)

    def replay(self, key: JobKey, speed: float = inf) -> None:
        """Replay a recorded job, so many times as fast as it happened; no service is asked."""
        session = self._queue.begin()
        self.set_speed(speed)
        self._loop.call_soon_threadsafe(self._turn_to, partial(self._replayed, session, key))

    def set_speed(self, speed: float) -> None:
        """Replay so many times as fast from now on; 0 halts."""
        self._loop.call_soon_threadsafe(self._set_speed, speed)

    def take(self) -> "Update | None":
        """Return the next update, or None where there is none now.

        Raises:
            BaseException: whatever crashed the watcher, which is a bug.
        """
        update = self._queue.pop()
        crash = self._crash or (self._delivery.crash if self._delivery is not None else None)
        if update is None and crash is not None:
            raise crash
        return update

    def drain(self) -> "list[Update]":
        """Return all updates that there are now, oldest first; raises as `take` where there is none."""
        first = self.take()
        return [] if first is None else [first, *iter(self._queue.pop, None)]

    def list_jobs(self, report: "Callable[[list[Job]], bool]") -> Future[bool]:
        """Report the chosen service's jobs as `Inquiry.list_jobs` does, from the watcher's thread.

        The future raises FtmonError.
        """
        return self._submit(self.services.list_jobs(report))

    def runs(self) -> "Future[list[RecordedRun]]":
        """Return the runs recorded on this machine, the last recorded first."""
        return self._submit(self._runs())

    def read(self, key: JobKey) -> "Future[Job]":
        """Read a job that is not followed; the future raises FtmonError."""
        return self._submit(self.services.job(key))

    def ask(self, action: "Action", key: JobKey) -> "Future[ActionOutcome]":
        """Ask the service to do something with a job; the future raises FtmonError where it does not."""
        return self._submit(self._ask(action, key))

    def offers(self, action: "Action") -> bool:
        """Whether the API of the followed job has a route for an action, as far as is known now."""
        follower = self._follower
        return follower is not None and follower.offers(action)

    def retry(self) -> None:
        """Try again now instead of waiting."""
        if self._follower is not None:
            self._loop.call_soon_threadsafe(self._follower.retry)

    def resume(self) -> None:
        """Connect again at once: this machine or this process has slept, and connections may be dead."""
        if self._follower is not None:
            self._loop.call_soon_threadsafe(self._follower.resume)

    def close(self) -> None:
        """End the following and the threads, within half a second."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_CLOSING)
        elif self._thread.ident is None:
            self._loop.close()

    # The thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(self._note_failed_callback)
        self._loop.call_soon(self._set_up)
        try:
            self._loop.run_forever()
        finally:
            if self._replay is not None:
                self._replay.stop()
            # Tasks that these have started are ended by them.
            for task in self._tasks:
                task.cancel()
            for answer in list(self._answers):
                answer.cancel()
            while tasks := asyncio.all_tasks(self._loop):
                self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self._loop.run_until_complete(self.services.aclose())
            if self._delivery is not None:
                self._delivery.close(_CLOSING)
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def _set_up(self) -> None:
        if self.history is None:
            self._queue.on_room = self._note_room
        else:
            from ftmon.watch.checking import check_history
            from ftmon.watch.delivery import Delivery

            self._delivery = Delivery(self._queue, self._recorder, self._pace.tick)
            self._delivery.on_room = self._note_room
            self._delivery.start()
            self._start(check_history(self._delivery, self.history))
        self._start(notice_sleep(self._pace, self.resume))

    def _note_room(self) -> None:
        self._loop.call_soon_threadsafe(self._room.set)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._note_end)
        return task

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._note_crash(error)

    def _note_failed_callback(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if "handle" in context:
            self._note_crash(context["exception"])
        else:
            loop.default_exception_handler(context)

    def _note_crash(self, error: BaseException) -> None:
        """Let the front end raise an error that is a bug; from any thread."""
        self._crash = error
        self._queue.wake()

    def _submit(self, coroutine: Coroutine[Any, Any, _T]) -> Future[_T]:
        answer = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)
        return answer

    def _turn_to(self, what: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._following is not None:
            self._following.cancel()
        if self._replay is not None:
            self._replay.stop()
        self._follower = self._followed_key = self._replay = None
        self._following = self._start(what())

    @cached_property
    def _pace(self) -> "Pace":
        from ftmon.wire.pace import Pace

        return self._own_pace or Pace()

    # Showing a job

    async def _followed(self, session: int, key: JobKey) -> None:
        """Show the recorded past of a job, then follow it."""
        from ftmon.wire.follow.follower import Follower

        try:
            inquiry = await self.services.of(key)
            client, candidates = inquiry.client, await inquiry.candidates()
        except FtmonError as error:
            from ftmon.model.update import Connection, Update, Wire

            refused = Connection(Wire.REFUSED, error=error)
            await self._tell_past(session, key, lambda update: None)
            await self._post(session, Update(key, datetime.now(UTC), connection=refused))
            return
        self._followed_key = key
        follower = self._follower = Follower(
            client,
            key,
            partial(self._post, session),
            candidates=candidates,
            stream=self._is_stream_wanted,
            patient=self._is_patient,
            pace=self._pace,
        )
        in_the_loop = self._loop.call_soon_threadsafe
        await self._tell_past(session, key, lambda update: in_the_loop(follower.restore, update))
        await follower.run()

    async def _tell_past(self, session: int, key: JobKey, restore: "Callable[[Update], object]") -> None:
        """Hand over what is recorded of a job. `restore` gets it too, on the thread of the history."""
        if self._delivery is not None:
            await asyncio.wrap_future(self._delivery.begin(session, key, restore))

    async def _post(self, session: int, *updates: "Update") -> None:
        """Record and hand over updates, all before this waits for room."""
        gate = self._queue if self._delivery is None else self._delivery
        gate.put(session, *updates)
        while gate.is_full and session == self._queue.session:
            self._room.clear()
            # Room that was made before the event was cleared would go unheard.
            if gate.is_full:
                await self._room.wait()

    def _set_speed(self, speed: float) -> None:
        self._speed = speed
        if self._replay is not None:
            self._replay.set_speed(speed)

    async def _replayed(self, session: int, key: JobKey) -> None:
        """Replay a run in a thread, no faster than it is taken."""
        from ftmon.history.replay import Replay

        if self.history is None:
            return

        def report(update: "Update") -> None:
            self._queue.put(session, update)
            self._queue.wait_for_room(session)

        self._replay = Replay(self.history, key, report, self._speed)
        await asyncio.to_thread(self._replay.run)

    # The service and the history

    async def _remembered(self) -> str:
        """Return the dialect of the service's last recorded job, or an empty text."""
        return await self._read(lambda history: history.dialect_of(self.base_url)) or ""

    async def _read(self, action: "Callable[[History], _T]") -> _T | None:
        """Read in the history; None where that does not work now, or where there is none."""
        if self._delivery is None:
            return None
        return await asyncio.wrap_future(self._delivery.call(lambda recorder: recorder.read(action)))

    async def _ask(self, action: "Action", key: JobKey) -> "ActionOutcome":
        if self._follower is not None and self._followed_key == key:
            return await self._follower.ask(action)
        return await self.services.ask(action, key)

    async def _runs(self) -> "list[RecordedRun]":
        return await self._read(lambda history: history.runs()) or []

    def _recorder(self) -> "Recorder":
        """Open the history; called on the thread that uses it."""
        from ftmon.history.recorder import Recorder

        assert self.history is not None, "only a history has a recorder"
        organization = dict(self.settings.headers).get("OpenAI-Organization")
        return Recorder(self.history, organization, retry_every=self._pace.record_again)
