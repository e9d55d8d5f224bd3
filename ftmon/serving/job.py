"""A job as it is served: its source writes to it, the routes read from it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

FINAL = frozenset({"succeeded", "failed", "cancelled"})
"""The API's statuses of a job that is over."""


class ServedJob:
    """The API's FineTune object, the events so far and the contents of the files.

    All access is on one event loop, so no lock is needed.
    """

    def __init__(self, fine_tune: dict[str, Any]) -> None:
        """Begin without events. `fine_tune` has every field of the API's object but `events`."""
        self.fine_tune = fine_tune
        self.events: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        """The content of each file that can be downloaded, by its id."""
        self._is_closed = False
        self._news = asyncio.Event()

    @property
    def id(self) -> str:
        """The job's id."""
        return str(self.fine_tune["id"])

    @property
    def status(self) -> str:
        """The job's status."""
        return str(self.fine_tune["status"])

    @property
    def is_final(self) -> bool:
        """The job is over, and no event follows."""
        return self.status in FINAL

    def publish(self, event: dict[str, Any], **changes: object) -> None:
        """Add an event and change fields of the FineTune object, both before any reader sees either."""
        self.events.append(event)
        self.fine_tune.update(changes)
        self._wake_readers()

    def close(self) -> None:
        """End every `follow`, even if the job is not over."""
        self._is_closed = True
        self._wake_readers()

    async def follow(self) -> AsyncIterator[dict[str, Any]]:
        """Yield all events from the first, then each new one, until the job is final or closed."""
        sent = 0
        while True:
            while sent < len(self.events):
                yield self.events[sent]
                sent += 1
            if self.is_final or self._is_closed:
                return
            await self._news.wait()

    def as_json(self) -> dict[str, Any]:
        """Return the FineTune object with its events."""
        return {**self.fine_tune, "events": self.events}

    def _wake_readers(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
