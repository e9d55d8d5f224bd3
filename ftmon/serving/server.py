"""The HTTP server that runs the routes, from the first connection to the exit status."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import uvicorn

from ftmon.errors import UsageError
from ftmon.serving.connection import Connection, make_room
from ftmon.serving.guard import Access, Guard
from ftmon.serving.job import Source
from ftmon.serving.routes import app

_OPEN = Access()


async def serve(
    listener: socket.socket,
    sources: Sequence[Source],
    announce: Callable[[], None],
    *,
    cut_after: int | None = None,
    access: Access = _OPEN,
    parent: int | None = None,
    connection: type[Connection] = Connection,
) -> int:
    """Serve the jobs of sources until a signal comes or the parent ends, and return the exit status.

    `announce` is called as soon as requests and signals are handled. `cut_after` breaks streams off, as
    `Streams` says. `parent` is the reading end of a pipe that the parent process holds open and never writes
    to.
    """
    make_room()
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()
    server = _Server(_config(Guard(app(sources, cut_after), access), connection))

    def stop(exit_status: int) -> None:
        if stopped.done():
            return
        stopped.set_result(exit_status)
        # The server waits for open streams, so they have to end first.
        for source in sources:
            source.job.close()
        server.stop()
        if parent is not None:
            loop.remove_reader(parent)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, 128 + number)
    if parent is not None:
        loop.add_reader(parent, stop, 0)
    announce()
    await server.serve(sockets=[listener])
    return stopped.result()


@contextmanager
def listener_at(host: str, port: int) -> Iterator[socket.socket]:
    """Listen while the block runs.

    Raises:
        UsageError: where the address cannot be used, or is in use.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise UsageError(f"Port {port} of {host} cannot be used: {_reason(error)}.") from error
    with listener:
        yield listener


def _reason(error: OSError) -> str:
    """Return why an address cannot be used, without what Python adds to that."""
    # A name that cannot be resolved has a number that is none of the system's.
    is_name = isinstance(error, socket.gaierror)
    return error.strerror if is_name and error.strerror else os.strerror(error.errno or 0)


class _Server(uvicorn.Server):
    """Leaves the signals to `serve`, which has to end the open streams as well."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Let `serve` return."""
        self.should_exit = True
        self._stopped.set()

    async def main_loop(self) -> None:
        """Wait until it is stopped. uvicorn looks ten times a second, most of the work of an idle server."""
        while not self.should_exit:
            # Sets the date of answers.
            await self.on_tick(0)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), 1)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals."""
        yield


def _config(guarded: Guard, connection: type[Connection]) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").addFilter(_is_fault)
    return uvicorn.Config(
        guarded,
        http=connection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


def _is_fault(record: logging.LogRecord) -> bool:
    """Pass every error but the one that a deliberately cut stream causes."""
    return "without completing response" not in record.getMessage()
