"""The API key: where it is read, and what can be sent."""

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from ftmon.errors import UsageError
from ftmon.settings.base_url import check_unquoted
from ftmon.settings.file import regular_file

_KEY = re.compile(r"[!-~]{1,4096}")


@dataclass(frozen=True, slots=True)
class Key:
    """An API key whose repr hides its value."""

    value: str = field(repr=False)
    source: str
    """Where it came from, in words: `--api-key-file`, `OPENAI_API_KEY` …"""


@dataclass(frozen=True, slots=True)
class KeySource:
    """A place that holds a key, which is read when a request needs it."""

    name: str
    """In words, as `Key.source`."""
    text: Callable[[], str] = field(repr=False)
    is_given: bool = True
    """It is named for this address. A provider's own variable may be there for other programs."""

    def read(self) -> Key:
        """Read the key.

        Raises:
            UsageError: where there is none, or one that cannot be sent; the sentence never holds it.
        """
        return check_key(self.text(), self.name)


def check_key(text: str, source: str) -> Key:
    """Strip the key and check that a header can hold it; the sentence of the UsageError never holds it."""
    value = text.strip()
    if not value:
        raise UsageError(f"There is no key in {source}: it is empty.")
    check_unquoted(value, f"The key of {source}")
    if not is_sendable(value):
        raise UsageError(
            f"The key of {source} cannot be sent: there is a blank, a line break or the like in it."
        )
    return Key(value, source)


def key_file_text(name: str) -> str:
    """Return the text of a private file, or the first line of standard input for `-`."""
    if name == "-":
        # A closed stdin is None.
        return sys.stdin.buffer.readline(8192).decode(errors="replace") if sys.stdin else ""
    with regular_file(name, "key file") as file:
        status = os.fstat(file.fileno())
        if status.st_mode & 0o077 or status.st_uid not in (os.getuid(), 0):
            raise UsageError(
                f"The key file {name} can be read by others (or is not yours); "
                f"make it private first: chmod 600 {name}"
            )
        return file.read(8192).decode(errors="replace")


def is_sendable(text: str) -> bool:
    """Whether a header can hold the text."""
    return bool(_KEY.fullmatch(text))
