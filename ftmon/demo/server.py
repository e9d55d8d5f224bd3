"""The HTTP server round the service, from the first connection to the exit status."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from ftmon.demo.service import FineTunes
from ftmon.demo.training import Training


async def serve(
    listener: socket.socket,
    training: Training,
    announce: Callable[[], None],
    cut_after: int | None = None,
    parent: int | None = None,
) -> int:
    """Train and serve until a signal or the end of the parent, and return the exit status.

    `announce` is called once requests and signals are heeded. `parent` is a pipe that another process holds
    open and never writes to.
    """
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()
    job = training.job

    async with asyncio.TaskGroup() as tasks:
        trainer = tasks.create_task(training.run())
        port: int = listener.getsockname()[1]
        server = _Server(_config(FineTunes(job, trainer.cancel, cut_after), port))

        def stop(exit_status: int) -> None:
            if stopped.done():
                return
            stopped.set_result(exit_status)
            trainer.cancel()
            job.close()
            server.should_exit = True
            if parent is not None:
                loop.remove_reader(parent)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop, 128 + number)
        if parent is not None:
            loop.add_reader(parent, stop, 0)
        announce()
        await server.serve(sockets=[listener])
    return stopped.result()


class _Server(uvicorn.Server):
    """A server that leaves the signals to us, because the open streams have to end as well."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def _config(fine_tunes: FineTunes, port: int) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").addFilter(_is_fault)
    return uvicorn.Config(
        fine_tunes.app(port),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


def _is_fault(record: logging.LogRecord) -> bool:
    """Tell an error from a stream that was cut on purpose."""
    return "without completing response" not in record.getMessage()
