"""The report of a bug."""

import os
from collections.abc import Sequence
from types import TracebackType

from ftmon import __version__
from ftmon.errors import BUG
from ftmon.lines.output import say


def crashed(
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    *,
    secrets: Sequence[str] = (),
) -> None:
    """Report a bug and end the process. The traceback has no values, because they may be secrets."""
    import traceback

    from ftmon.safe import safe, without

    lines = safe("".join(traceback.format_exception(kind, error, trace)))
    say(f"this is a bug in ftmon {__version__}; the job is not affected.\n{without(lines, secrets)}")
    os._exit(BUG)
