"""The watcher: one daemon thread that follows a job and hands over what happens; both front ends use it.

It alone touches the network and the history. What it hands over was recorded before.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from ftmon.errors import FtmonError, HistoryError, UnreachableError
from ftmon.model.event import Event
from ftmon.model.job import Job, JobKey
from ftmon.model.update import Connection, Update, Wire
from ftmon.settings import Settings
from ftmon.watch.handover import Handover

# What the first paint does not need is imported after it, on the watcher's thread.
if TYPE_CHECKING:
    from ftmon.history.recorder import Recorder
    from ftmon.history.replay import Replay
    from ftmon.history.store import EventName, RecordedRun
    from ftmon.wire.client import Client
    from ftmon.wire.follow.follower import Follower
    from ftmon.wire.pace import Pace

_CLOSING = 0.5

_T = TypeVar("_T")


class Watcher:
    """Follows one job at a time on a thread of its own, or tells again what was recorded of one."""

    def __init__(
        self,
        settings: Settings,
        *,
        stream: bool = True,
        patient: bool = False,
        pace: "Pace | None" = None,
        history: Path | None = None,
        offline: bool = False,
    ) -> None:
        self.is_offline = offline
        """Only what is recorded is shown: no service is asked."""
        self.base_url = settings.base_url
        self.notices = settings.notices
        self.has_history = history is not None
        self._settings = settings
        self._is_stream_wanted = stream
        self._is_patient = patient
        self._own_pace = pace
        self._history = history
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._handover = Handover(self._loop, self._recall)
        self._recorder: Recorder | None = None
        self._told_unrecorded = 0
        self._client: Client | None = None
        self._follower: Follower | None = None
        self._replay: Replay | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: set[Future[Any]] = set()
        """Of the service, still to come."""
        self._following: asyncio.Task[None] | None = None
        self._turn: tuple[int, JobKey] | None = None
        """What is shown now, and the number of this following."""
        self._crash: BaseException | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What is never shown."""
        return self._settings.secrets

    @property
    def unrecorded(self) -> int:
        """How many events are missing in the history at the end; 0 where it could never be used."""
        recorder = self._recorder
        return recorder.unrecorded if recorder is not None and recorder.has_recorded else 0

    def start(self, wake: Callable[[], None]) -> None:
        """Start the thread, which calls `wake` when `drain` has news after it had none."""
        self._handover.wake = wake
        self._thread.start()

    def watch(self, key: JobKey) -> None:
        """Follow this job of the service instead of what was shown so far."""
        self._turn_to(key, partial(self._followed, key))

    def replay(self, key: JobKey, speed: float = float("inf")) -> None:
        """Tell again what is recorded of a job, so many times as fast as it happened; no service is asked."""
        self._turn_to(key, partial(self._replayed, key, speed))

    def set_speed(self, speed: float) -> None:
        """Replay so many times as fast from now on; 0 halts."""
        if self._replay is not None:
            self._loop.call_soon_threadsafe(self._replay.set_speed, speed)

    def take(self) -> Update | None:
        """Return the next update, or None where there is none now.

        Raises:
            BaseException: whatever crashed the watcher, which is a bug.
        """
        update = self._handover.pop()
        if update is None and self._crash is not None:
            raise self._crash
        return update

    def drain(self) -> list[Update]:
        """Return all updates that there are now, oldest first; raises as `take` where there is none."""
        first = self.take()
        return [] if first is None else [first, *iter(self._handover.pop, None)]

    def jobs(self) -> Future[list[Job]]:
        """Ask for the service's jobs, newest first; the future raises FtmonError."""
        return self._submit(self._jobs())

    def runs(self) -> "Future[list[RecordedRun]]":
        """Return what is recorded on this machine, the last recorded first."""
        return self._submit(self._runs())

    def cancel(self, key: JobKey) -> Future[Job]:
        """Ask the service to cancel a job; the future raises FtmonError."""
        return self._submit(self._cancel(key))

    def retry(self) -> None:
        """Try again now instead of waiting."""
        if self._follower is not None:
            self._loop.call_soon_threadsafe(self._follower.retry)

    def resume(self) -> None:
        """Take up again at once: this machine or this process has slept, and what was open may be dead."""
        if self._follower is not None:
            self._loop.call_soon_threadsafe(self._follower.resume)

    def close(self) -> None:
        """End the following and the thread, within half a second."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_CLOSING)
        elif self._thread.ident is None:
            self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.call_soon(lambda: self._start(self._keep_house()))
        try:
            self._loop.run_forever()
        finally:
            # What these have begun in turn, they end themselves.
            for task in self._tasks:
                task.cancel()
            for answer in list(self._answers):
                answer.cancel()
            while tasks := asyncio.all_tasks(self._loop):
                self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            if self._client is not None:
                self._loop.run_until_complete(self._client.aclose())
            if self._recorder is not None:
                self._recorder.close()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._note_end)
        return task

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash = error
            self._handover.wake()

    def _submit(self, coroutine: Coroutine[Any, Any, _T]) -> Future[_T]:
        answer = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)
        return answer

    def _turn_to(self, key: JobKey, what: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        number = self._handover.begin()

        def turn() -> None:
            if self._following is not None:
                self._following.cancel()
            self._follower = self._replay = None
            self._told_unrecorded = 0
            self._following = self._start(what(number))
            self._turn = number, key

        self._loop.call_soon_threadsafe(turn)

    @cached_property
    def _pace(self) -> "Pace":
        from ftmon.wire.pace import Pace

        return self._own_pace or Pace()

    async def _keep_house(self) -> None:
        """Notice that this machine has slept, and try again what could not be recorded."""
        pace = self._pace
        ahead = pace.wall() - monotonic()
        while True:
            await asyncio.sleep(pace.tick)
            before, ahead = ahead, pace.wall() - monotonic()
            if abs(ahead - before) > pace.slept and self._follower is not None:
                self._follower.resume()
            if self._recorder is not None:
                self._recorder.retry()
                await self._tell_of_history()

    async def _followed(self, key: JobKey, number: int) -> None:
        """Tell what is recorded of a job, then follow it."""
        from ftmon.wire.follow.follower import Follower

        try:
            client = self._connected()
        except FtmonError as error:
            await self._post(number, Update(key, _now(), connection=Connection(Wire.REFUSED, error=error)))
            return
        follower = self._follower = Follower(
            client,
            key.job_id,
            partial(self._post, number),
            stream=self._is_stream_wanted,
            patient=self._is_patient,
            pace=self._pace,
        )
        if (recorder := self._recording()) is not None:
            for update in recorder.past(key):
                follower.restore(update)
                is_recorded = not recorder.unrecorded
                self._handover.put(number, update, is_recorded=is_recorded)
                # A long past lets all else have its turn.
                await asyncio.sleep(0)
                if not is_recorded:
                    await self._handover.room(number)
        await follower.run()

    async def _replayed(self, key: JobKey, speed: float, number: int) -> None:
        import sqlite3

        from ftmon.history.replay import Replay
        from ftmon.history.store import History

        if self._history is None:
            return

        async def report(update: Update) -> None:
            # No faster than it is taken: nothing need be read a second time.
            self._handover.put(number, update, is_recorded=False)
            await self._handover.room(number)

        try:
            with closing(History(self._history)) as history:
                self._replay = Replay(history, key, report, speed)
                await self._replay.run()
        except (sqlite3.Error, OSError, HistoryError) as error:
            failure = HistoryError(f"The history {self._history} cannot be used: {error}.")
            await report(Update(key, _now(), connection=Connection(Wire.REFUSED, error=failure)))

    async def _runs(self) -> "list[RecordedRun]":
        recorder = self._recording()
        return recorder.runs() if recorder is not None else []

    async def _jobs(self) -> list[Job]:
        from ftmon.wire.dialects import fine_tunes

        body = await self._connected().get(fine_tunes.LIST_PATH)
        try:
            return fine_tunes.parse_jobs(body)
        except ValueError as error:
            raise UnreachableError("the answer is no list of jobs") from error

    async def _cancel(self, key: JobKey) -> Job:
        from ftmon.wire.dialects import fine_tunes

        body = await self._connected().post(fine_tunes.cancel_path(key.job_id))
        try:
            return fine_tunes.parse_job(body).job
        except ValueError as error:
            raise UnreachableError("the answer to the cancelling is no job") from error

    def _connected(self) -> "Client":
        """Return the client, made at the first use: importing httpx takes longer than the first paint."""
        if self._client is None:
            from ftmon.wire.client import Client

            self._client = Client(self._settings)
        return self._client

    def _recording(self) -> "Recorder | None":
        """Return what records, opened at the first use; None where nothing shall be recorded."""
        if self._recorder is None and self._history is not None:
            from ftmon.history.recorder import Recorder

            organization = dict(self._settings.headers).get("OpenAI-Organization")
            self._recorder = Recorder(self._history, organization, retry_every=self._pace.record_again)
            self._start(self._check_history(self._recorder, self._history))
        return self._recorder

    async def _check_history(self, recorder: "Recorder", path: Path) -> None:
        """Check the whole file in a thread of its own, because that may take long."""
        from ftmon.history.file import inode, is_sound

        checked = inode(path)
        if not await asyncio.to_thread(is_sound, path):
            recorder.set_aside(checked)
            await self._tell_of_history()

    async def _tell_of_history(self) -> None:
        if self._recorder is not None and self._turn is not None:
            number, key = self._turn
            update = self._with_news_of(self._recorder, Update(key, _now()))
            if update.notice or update.unrecorded is not None:
                self._handover.put(number, update, is_recorded=True)

    def _with_news_of(self, recorder: "Recorder", update: Update) -> Update:
        """Add to an update what there is to tell of the history."""
        if notice := recorder.take_notice():
            update = replace(update, notice=" ".join(filter(None, (update.notice, notice))))
        if recorder.unrecorded != self._told_unrecorded:
            self._told_unrecorded = recorder.unrecorded
            update = replace(update, unrecorded=recorder.unrecorded)
        return update

    async def _post(self, number: int, *updates: Update) -> None:
        """Record updates of a following and hand them over, all before it waits for room."""
        is_recorded = False
        for update in updates:
            if (recorder := self._recording()) is not None:
                is_recorded = recorder.record(update)
                update = self._with_news_of(recorder, update)
            self._handover.put(number, update, is_recorded=is_recorded)
        if not is_recorded:
            await self._handover.room(number)

    def _recall(self, key: JobKey, names: "list[EventName]") -> list[Event] | None:
        return self._recorder.recall(key, names) if self._recorder is not None else []


def _now() -> datetime:
    return datetime.now(UTC)
