"""A path as what is watched: the runs that a trainer writes into a file or a directory."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ftmon.commands.view import Target

_BYTES = 32
"""Of the key between ftmon and its own service."""


def is_path(word: str) -> bool:
    """Whether a word behind `watch` is a path, and no job's id."""
    return "/" in word or Path(word).exists()


@contextmanager
def opening_place(word: str, *, wait: bool) -> Iterator[Target]:
    """Serve the runs at a path while the block runs; the target is the newest of them.

    Raises:
        UsageError: where there is none, and none is waited for.
    """
    from ftmon.model.job import LOCAL, JobKey
    from ftmon.serving.launch import running
    from ftmon.settings import Key, Settings

    token = secrets.token_urlsafe(_BYTES)
    setup = json.dumps({"path": str(Path(word).expanduser().absolute()), "wait": wait})
    with running("ftmon.serving", setup, {"FTMON_SERVE_TOKEN": token}) as service:
        settings = Settings(
            service.base_url, Key(token, "ftmon's own"), provider="fine-tunes", known_as=LOCAL
        )
        yield Target(settings, JobKey(LOCAL, service.job_id))
