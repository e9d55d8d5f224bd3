"""A service of ftmon's own, in a process of its own, for runs of this machine."""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from ftmon.local.run_directory import RunDirectory
from ftmon.model.key import LOCAL, JobKey
from ftmon.serving.launch import kept_running
from ftmon.serving.service import TOKEN_VARIABLE
from ftmon.settings import Key, Settings

_BYTES = 32
"""Of the key between ftmon and its own service."""


class OwnService(NamedTuple):
    """How it is asked, and the newest of its runs."""

    settings: Settings
    newest: JobKey


@contextmanager
def own_service(setup: Mapping[str, object]) -> Iterator[OwnService]:
    """Serve what `ftmon.serving` takes as its setup, while the block runs.

    Raises:
        UsageError, FtmonError: where that does not work.
    """
    token = secrets.token_urlsafe(_BYTES)
    with kept_running("ftmon.serving", json.dumps(setup), {TOKEN_VARIABLE: token}) as service:
        key = Key(token, "ftmon's own")
        settings = Settings(service.base_url, key, provider="fine-tunes", known_as=LOCAL)
        yield OwnService(settings, JobKey(LOCAL, service.job_id))


def setup_of(run: RunDirectory) -> dict[str, object]:
    """Return the setup that serves one run that ftmon keeps."""
    return {"run": str(run.path)}
