"""Installs packages from an index into environments of their own; skips a test where there is no index."""

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.command import environment

MINUTES = 300.0
"""A package index may be far away."""

_WITHOUT_INDEX = re.compile("No matching distribution|Could not find a version|NewConnectionError")


def run(*command: str | Path, directory: Path) -> None:
    """Run a step of an installation; skip the test if the step does not find what it needs in an index."""
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=MINUTES,
    )
    said = done.stdout + done.stderr
    if done.returncode and _WITHOUT_INDEX.search(said):
        pytest.skip("there is no package index to install from")
    if done.returncode and "ResolutionImpossible" in said:
        pytest.skip("what the package index has does not go together on this Python")
    assert done.returncode == 0, said


def installed(*requirements: str) -> Path:
    """Return the folder of the commands of an environment that has these requirements.

    It is made once and kept outside the repository, for each Python and set of requirements. A lock lets
    parallel tests wait for it, and a file that is written last tells a complete one.
    """
    cache = _cache()
    key = hashlib.sha256(repr((sys.version, sys.base_prefix, requirements)).encode()).hexdigest()[:16]
    home = cache / key
    complete = home / "complete"
    with (cache / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            # A pip of its own, and compiling all modules, would take most of the time.
            run(sys.executable, "-m", "venv", "--clear", "--without-pip", home, directory=cache)
            pip = (
                sys.executable,
                "-m",
                "pip",
                "--python",
                home / "bin" / "python",
                "install",
                "--no-compile",
            )
            run(*pip, "--quiet", "--retries=1", *requirements, directory=cache)
            complete.touch()
    return home / "bin"


def _cache() -> Path:
    """Return a private folder in XDG_CACHE_HOME, else in the system's temporary directory."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or tempfile.gettempdir()) / f"ftmon-peers-{os.getuid()}"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    # In a directory that all users share, another one may have made it, or a link, with commands of theirs.
    assert cache.lstat().st_uid == os.getuid(), cache
    return cache
