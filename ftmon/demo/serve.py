"""Train and serve in this process."""

import asyncio
import os
import socket
from collections.abc import Callable

from ftmon.demo.setup import Setup
from ftmon.demo.training import Training
from ftmon.errors import UsageError
from ftmon.serving.apis import APIS
from ftmon.serving.job import Source
from ftmon.serving.server import serve as serve_sources
from ftmon.serving.service import Service


def serve(setup: Setup, announce: Callable[[Service], None], *, parent: int | None = None) -> int:
    """Train and serve until a signal comes, and return the exit status.

    `announce` is called as soon as the service answers. `parent` is the reading end of a pipe that the parent
    process holds open: the service ends when that process does.

    Raises:
        UsageError: when the setup cannot be used, or its port is taken.
    """
    training = Training(setup.course)
    try:
        listener = socket.create_server(("127.0.0.1", setup.port))
    except OSError as error:
        raise UsageError(
            f"Port {setup.port} cannot be used ({os.strerror(error.errno or 0)}): "
            "choose another one, or 0 for any free one."
        ) from error
    api = APIS[setup.api]
    service = Service(f"http://127.0.0.1:{listener.getsockname()[1]}{api.base}", api.job_id(training.job))
    try:
        return asyncio.run(
            _train_and_serve(training, setup.cut_after, listener, lambda: announce(service), parent)
        )
    except ExceptionGroup as group:
        # The task group wraps the one error that ended it.
        raise group.exceptions[0] from group


async def _train_and_serve(
    training: Training,
    cut_after: int | None,
    listener: socket.socket,
    announce: Callable[[], None],
    parent: int | None,
) -> int:
    async with asyncio.TaskGroup() as tasks:
        trainer = tasks.create_task(training.run())

        def cancel() -> None:
            trainer.cancel()
            training.cancel()

        source = Source(training.job, cancel, training.pause, training.resume)
        status = await serve_sources(listener, [source], announce, cut_after=cut_after, parent=parent)
        trainer.cancel()
    return status
