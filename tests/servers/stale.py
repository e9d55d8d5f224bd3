"""Keeps connections alive, and closes each one when it is used a second time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from tests.servers.scripted import End, Script, Server


class StaleServer(Server):
    """Answers the first request of each connection, and ends the connection with `end` at the second one.

    The scripts must give a length or chunks, and the header `Connection: keep-alive`.
    """

    def __init__(self, scripts: Mapping[str, Sequence[Script] | Callable[[], Script]], end: End) -> None:
        super().__init__(scripts)
        self.end = end
        self.dropped = 0
        """Requests that were not answered."""

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await super()._talk(reader, writer)
        await reader.readuntil(b"\r\n\r\n")
        self.dropped += 1
        await self._play(self.end, reader, writer)
