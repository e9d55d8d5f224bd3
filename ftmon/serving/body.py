"""Answers that may be long: they are written in parts, as these are made."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

from starlette.responses import StreamingResponse

from ftmon.serving.api import Fields
from ftmon.serving.job import File

_AT_ONCE = 65_536
"""Characters that are sent together."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class JsonBody(StreamingResponse):
    """An object as JSON. Of a list that is an iterator, only a part is in memory at a time."""

    def __init__(self, fields: Fields) -> None:
        super().__init__(_parts(fields), media_type="application/json")


class FileBody(StreamingResponse):
    """The content of a file."""

    def __init__(self, file: File) -> None:
        headers = {"content-length": str(file.size)}
        super().__init__(_in_turns(file.parts()), media_type="application/octet-stream", headers=headers)


async def _in_turns(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
        await asyncio.sleep(0)


async def _parts(fields: Fields) -> AsyncIterator[str]:
    gathered: list[str] = []
    size = 0
    for piece in _pieces(fields):
        gathered.append(piece)
        size += len(piece)
        if size >= _AT_ONCE:
            yield "".join(gathered)
            gathered, size = [], 0
            # Others have their turn, also where the client takes all that comes.
            await asyncio.sleep(0)
    yield "".join(gathered)


def _pieces(fields: Fields) -> Iterator[str]:
    before = "{"
    for name, value in fields.items():
        yield f"{before}{_encode(name)}:"
        before = ","
        if not isinstance(value, Iterator):
            yield _encode(value)
            continue
        separator = "["
        for item in value:
            yield separator + _encode(item)
            separator = ","
        yield "[]" if separator == "[" else "]"
    yield "}" if fields else "{}"
