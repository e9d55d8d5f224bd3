"""The watcher: one daemon thread that follows a job and hands over what happens; both front ends use it.

It alone touches the network. A front end that stalls (a stopped terminal, a full pipe) does not stop the
reading until `MAX_WAITING` events wait for it.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ftmon.errors import FtmonError, UnreachableError
from ftmon.model.job import Job, JobKey, check_job_id
from ftmon.model.update import Connection, Update, Wire
from ftmon.settings import Settings

if TYPE_CHECKING:
    from ftmon.wire.client import Client
    from ftmon.wire.follow import Follower
    from ftmon.wire.pace import Pace

MAX_WAITING = 50_000
"""Events and other news that may wait for the front end, usually about 25 MB of them."""

_CLOSING = 0.5

_T = TypeVar("_T")


class Watcher:
    """Follows one job at a time on a thread of its own."""

    def __init__(
        self, settings: Settings, *, stream: bool = True, patient: bool = False, pace: "Pace | None" = None
    ) -> None:
        self.base_url = settings.base_url
        self.notices = settings.notices
        self._settings = settings
        self._is_stream_wanted = stream
        self._is_patient = patient
        self._pace = pace
        self._wake: Callable[[], None] = lambda: None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._client: Client | None = None
        self._follower: Follower | None = None
        self._following: asyncio.Task[None] | None = None
        self._crash: BaseException | None = None

        self._lock = threading.Lock()
        self._updates: deque[Update] = deque()
        self._waiting = 0
        self._room = asyncio.Event()
        self._is_held = False
        """The following waits for room."""
        self._following_number = 0

    def start(self, wake: Callable[[], None]) -> None:
        """Start the thread, which calls `wake` when `drain` has news after it had none."""
        self._wake = wake
        self._thread.start()

    def watch(self, job_id: str) -> JobKey:
        """Follow this job instead of the one followed so far; the updates carry the returned key.

        Raises:
            UsageError: for what cannot be a job's id.
        """
        key = JobKey(self.base_url, check_job_id(job_id))
        with self._lock:
            # What the former following still brings would come twice where it is of the same job.
            self._updates.clear()
            self._waiting = 0
            self._following_number += 1
            number = self._following_number
        self._loop.call_soon_threadsafe(self._follow, job_id, number)
        return key

    def take(self) -> Update | None:
        """Return the next update, or None where there is none now.

        Raises:
            BaseException: whatever crashed the watcher, which is a bug.
        """
        update = self._pop()
        if update is None and self._crash is not None:
            raise self._crash
        return update

    def drain(self) -> list[Update]:
        """Return all updates that there are now, oldest first; raises as `take` where there is none."""
        first = self.take()
        return [] if first is None else [first, *iter(self._pop, None)]

    def _pop(self) -> Update | None:
        with self._lock:
            if not self._updates:
                return None
            update = self._updates.popleft()
            self._waiting -= _weight(update)
            has_room = self._is_held and self._waiting < MAX_WAITING
        if has_room:
            self._loop.call_soon_threadsafe(self._room.set)
        return update

    def jobs(self) -> Future[list[Job]]:
        """Ask for the service's jobs, newest first; the future raises FtmonError."""
        return self._submit(self._jobs())

    def cancel(self, job_id: str) -> Future[Job]:
        """Ask the service to cancel a job; the future raises FtmonError."""
        return self._submit(self._cancel(check_job_id(job_id)))

    def retry(self) -> None:
        """Try again now instead of waiting."""
        if self._follower is not None:
            self._loop.call_soon_threadsafe(self._follower.retry)

    def close(self) -> None:
        """End the following and the thread, within half a second."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_CLOSING)
        elif self._thread.ident is None:
            self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            if self._client is not None:
                self._loop.run_until_complete(self._client.aclose())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def _submit(self, coroutine: Coroutine[Any, Any, _T]) -> Future[_T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _follow(self, job_id: str, number: int) -> None:
        if self._following is not None:
            self._following.cancel()
        self._following = asyncio.create_task(self._followed(job_id, number))
        self._following.add_done_callback(self._note_crash)

    async def _followed(self, job_id: str, number: int) -> None:
        from ftmon.wire.follow import Follower

        report = partial(self._post, number)
        try:
            client = self._connected()
        except FtmonError as error:
            refused = Connection(Wire.REFUSED, error=error)
            await report(Update(JobKey(self.base_url, job_id), datetime.now(UTC), connection=refused))
            return
        self._follower = Follower(
            client,
            job_id,
            report,
            stream=self._is_stream_wanted,
            patient=self._is_patient,
            pace=self._pace,
        )
        await self._follower.run()

    async def _jobs(self) -> list[Job]:
        from ftmon.wire.dialects import fine_tunes

        body = await self._connected().get(fine_tunes.LIST_PATH)
        try:
            return fine_tunes.parse_jobs(body)
        except ValueError as error:
            raise UnreachableError("the answer is no list of jobs") from error

    async def _cancel(self, job_id: str) -> Job:
        from ftmon.wire.dialects import fine_tunes

        body = await self._connected().post(fine_tunes.cancel_path(job_id))
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

    async def _post(self, number: int, update: Update) -> None:
        """Hand over an update of a following; wait for room where too much waits already."""
        with self._lock:
            if number != self._following_number:
                return
            is_first = not self._updates
            self._updates.append(update)
            self._waiting += _weight(update)
            self._is_held = self._waiting >= MAX_WAITING
            self._room.clear()
        if is_first:
            self._wake()
        if self._is_held:
            await self._room.wait()
            self._is_held = False

    def _note_crash(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash = error
            self._wake()


def _weight(update: Update) -> int:
    return 1 + len(update.events)
