"""What `ftmon run` has started: its command, and where its output is. This is read here, never published."""

import shlex
from collections.abc import Iterator
from functools import lru_cache

from ftmon.errors import FtmonError
from ftmon.local.run_directory import RunDirectory
from ftmon.model.key import LOCAL
from ftmon.model.run import Run
from ftmon.paths import runs_directory
from ftmon.safe import one_line, redact, safe
from ftmon.tui.excerpt import bounded
from ftmon.tui.page.fact import Fact


def own_run(run: Run) -> Iterator[Fact]:
    """Yield the command of a run that is kept on this machine, its directory and its output."""
    if run.key.service == LOCAL:
        yield from _facts(run.key.job_id)


@lru_cache(maxsize=1)
def _facts(job_id: str) -> tuple[Fact, ...]:
    try:
        kept = RunDirectory.find(runs_directory(), job_id)
    except FtmonError:
        return ()
    if kept is None:
        return ()
    start = kept.start
    found = (
        ("command", shlex.join(start.command)),
        ("directory", start.directory),
        ("output", str(kept.output)),
        ("printed by", f"ftmon logs {kept.id}"),
    )
    return tuple(Fact(name, bounded(redact(one_line(safe(text))))) for name, text in found if text)
