"""Waiting for tasks, and ending them."""

import asyncio
from collections.abc import Iterable
from math import inf
from typing import Any

from ftmon.wire.clock import loop_time


async def first_of(tasks: Iterable[asyncio.Task[Any] | None], wake: asyncio.Event, until: float) -> None:
    """Wait for a task to end, for `wake`, which is cleared then, or for a time by the loop's clock."""
    waking = asyncio.create_task(wake.wait())
    seconds = None if until == inf else max(0.0, until - loop_time())
    try:
        await asyncio.wait(
            [waking, *filter(None, tasks)], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        waking.cancel()
    wake.clear()


async def cancelled(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks and wait for their end."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
