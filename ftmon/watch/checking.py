"""Checks the whole file of the history beside everything else, because that may take long."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ftmon.watch.delivery import Delivery


async def check_history(delivery: "Delivery", path: Path) -> None:
    """Set the file aside where it is damaged. The check runs in a thread of its own."""
    from ftmon.history.damage import is_sound
    from ftmon.history.file import inode

    # Opened first by the recorder, which tells what others have done to the file: the check, which opens
    # it too, would leave no trace of that.
    await asyncio.wrap_future(delivery.call(lambda recorder: recorder.read(lambda history: None)))
    checked = inode(path)
    if not await asyncio.to_thread(is_sound, path):
        await asyncio.wrap_future(delivery.call(lambda recorder: recorder.set_aside(checked)))
