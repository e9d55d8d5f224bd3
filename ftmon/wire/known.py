"""Known answers, so that a service that takes conditional requests need only say that nothing changed."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

_MOST = 16
"""Answers that are kept."""
_LARGEST = 4 * 2**20
"""Bytes of an answer that is kept."""
_MOST_UNCHANGED = 20
"""So often in a row a service is believed that nothing has changed; then the answer is asked for whole."""
_SETTLED = 2.0
"""Seconds after which a change has another `Last-Modified`, which tells whole seconds."""
_LONGEST = 1024


@dataclass(slots=True)
class KnownAnswer:
    """A good answer, and the headers that ask for it only if it has changed."""

    body: bytes
    conditions: list[tuple[bytes, bytes]]
    unchanged: int = 0
    """How often in a row the service said that it is still true."""


class KnownAnswers:
    """The last good answer of each path that can be asked for conditionally (RFC 9110, 13)."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, KnownAnswer] = OrderedDict()

    def find(self, path: str) -> KnownAnswer | None:
        """Return the known answer of a path; None where it is to be asked for whole."""
        known = self._answers.get(path)
        return None if known is None or known.unchanged >= _MOST_UNCHANGED else known

    def note(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """Keep a good answer in place of the one before, if it can be asked for conditionally."""
        self._answers.pop(path, None)
        if len(body) <= _LARGEST and (conditions := _conditions(headers)):
            self._answers[path] = KnownAnswer(body, conditions)
            if len(self._answers) > _MOST:
                self._answers.popitem(last=False)


def _conditions(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    if (tag := headers.get("ETag", "")) and _can_be_sent(tag):
        return [(b"If-None-Match", tag.encode())]
    modified = headers.get("Last-Modified", "")
    try:
        age = parsedate_to_datetime(headers["Date"]) - parsedate_to_datetime(modified)
    except (KeyError, ValueError, TypeError, OverflowError):
        return []
    is_settled = age.total_seconds() >= _SETTLED and _can_be_sent(modified)
    return [(b"If-Modified-Since", modified.encode())] if is_settled else []


def _can_be_sent(value: str) -> bool:
    return value.isascii() and value.isprintable() and len(value) <= _LONGEST
