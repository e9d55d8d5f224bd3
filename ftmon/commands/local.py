"""Runs of this machine as what is watched: served by a process of ftmon's own."""

import json
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ftmon.commands.view import Target
from ftmon.errors import FtmonError

_BYTES = 32
"""Of the key between ftmon and its own service."""


def is_local(word: str) -> bool:
    """Whether a word behind `watch` is a path, or the id of a run that ftmon keeps, and no service's job."""
    return "/" in word or Path(word).exists() or kept_run(word) is not None


def kept_run(word: str) -> Path | None:
    """Return the directory of a run that ftmon keeps, by its id or by this directory; None for others."""
    from ftmon.paths import runs_directory

    try:
        home = runs_directory()
    except FtmonError:
        return None
    path = home / word if "/" not in word else Path(word).expanduser().absolute()
    return path if path.parent == home and (path / "run.json").is_file() else None


def opening_local(word: str, *, wait: bool) -> AbstractContextManager[Target]:
    """Serve the run of this id, or the runs at this path; the target is the newest of them.

    Raises:
        UsageError: where there is none, and none is waited for.
    """
    kept = kept_run(word)
    if kept is not None:
        return opening_run(kept)
    return _opening({"path": str(Path(word).expanduser().absolute()), "wait": wait})


def opening_run(directory: Path) -> AbstractContextManager[Target]:
    """Serve the run in a directory that ftmon keeps while the block runs."""
    return _opening({"run": str(directory)})


@contextmanager
def _opening(setup: dict[str, object]) -> Iterator[Target]:
    from ftmon.model.job import LOCAL, JobKey
    from ftmon.serving.launch import running
    from ftmon.settings import Key, Settings

    token = secrets.token_urlsafe(_BYTES)
    with running("ftmon.serving", json.dumps(setup), {"FTMON_SERVE_TOKEN": token}) as service:
        settings = Settings(
            service.base_url, Key(token, "ftmon's own"), provider="fine-tunes", known_as=LOCAL
        )
        yield Target(settings, JobKey(LOCAL, service.job_id))
