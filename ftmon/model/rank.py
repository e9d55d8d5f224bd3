"""Lines that name the process of a training that has printed them: torchrun numbers its ranks."""

import re
from typing import NamedTuple

_PREFIX = re.compile(r"\[(?:rank|default)(\d{1,6})\]: ?")
"""What PyTorch puts before each line of an exception, and torchrun's `--tee` before every line."""


class RankLine(NamedTuple):
    """A line, and who has printed it."""

    rank: int | None
    """None where the line does not say."""
    text: str
    """The line without that."""


def split_rank(line: str) -> RankLine:
    """Return a line and its rank apart."""
    match = _PREFIX.match(line)
    return RankLine(int(match[1]), line[match.end() :]) if match else RankLine(None, line)
