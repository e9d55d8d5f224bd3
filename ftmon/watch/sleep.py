"""Notices that this machine has slept."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ftmon.wire.pace import Pace


async def notice_sleep(pace: "Pace", wake_up: Callable[[], None]) -> None:
    """Call `wake_up` whenever the wall clock has gone further than the monotonic one, which sleeps too."""
    ahead = pace.wall() - monotonic()
    while True:
        await asyncio.sleep(pace.tick)
        before, ahead = ahead, pace.wall() - monotonic()
        if abs(ahead - before) > pace.slept:
            wake_up()
