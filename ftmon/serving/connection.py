"""A connection to the server, which is cut where its client does not do its part."""

import asyncio
import resource
import socket
from contextlib import suppress

from uvicorn.protocols.http.h11_impl import H11Protocol

from ftmon.serving.guard import refusal

_SEND_BUFFER = 1 << 17
"""Bytes that the system keeps for a client. By itself it keeps megabytes, which hide for long who is slow."""

_OTHER_FILES = 100
"""Open files that are no connections."""


class Connection(H11Protocol):
    """A connection that is cut when its client stands still, so that nothing is kept for one that is gone.

    A stream waits for its client: no more than about 400 KiB of it are on their way. A client that is only
    slow goes on, if it takes some kilobytes a second. One that stood still connects again.
    """

    stall = 60.0
    """Seconds after which a client that takes nothing is cut, and one that asks nothing."""
    most = 1000
    """Connections at once. A few more hear that there are too many; beyond that they are dropped."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, unless there are too many."""
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._await_client()
        if len(self.connections) > 2 * self.most:
            transport.abort()
        elif len(self.connections) > self.most:
            why = f"More than {self.most} connections are open. Try again later."
            self.app = refusal(503, why, headers={"connection": "close"})

    def data_received(self, data: bytes) -> None:
        """Take a part of a request; the rest of its head is awaited."""
        super().data_received(data)
        if self.cycle is not None:
            self._go_on()

    def pause_writing(self) -> None:
        """Wait for the client to take what is sent."""
        super().pause_writing()
        self._await_client()

    def resume_writing(self) -> None:
        """Send on."""
        super().resume_writing()
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self._go_on()
        super().connection_lost(exc)

    def _await_client(self) -> None:
        self._go_on()
        self._timer = self.loop.call_later(self.stall, self.transport.abort)

    def _go_on(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def make_room() -> None:
    """Let this process have as many open files as connections need; a usual limit is 1024, or 256."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * Connection.most + _OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
