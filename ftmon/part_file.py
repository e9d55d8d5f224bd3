"""Files that appear whole or not at all: written under another name, and given theirs at the end."""

import os
from pathlib import Path
from secrets import token_hex


def part_beside(path: Path) -> Path:
    """Return an unused name in the directory of a file."""
    return path.with_name(f".ftmon-{token_hex(8)}.part")


def put(part: Path, path: Path, *, overwrites: bool) -> None:
    """Give a finished file its name. What has that name is replaced only if `overwrites` is set.

    Raises:
        FileExistsError: where something else has the name, if only a link to nowhere.
        OSError: where no file can have it.
    """
    if overwrites:
        part.replace(path)
        return
    try:
        # A rename would replace what somebody has put there meanwhile.
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems, such as FAT, have no links. Take the name before the rename.
        path.touch(exist_ok=False)
        part.replace(path)
