"""Writing the user's files: none is replaced that somebody has made meanwhile."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ftmon.commands.export_file import save as export
from ftmon.errors import OutputError, UsageError
from ftmon.model.events import Events
from ftmon.part_file import part_beside, put
from ftmon.tui.saving import save
from tests.records import STORED


@pytest.fixture(params=[True, False], ids=["links", "no links"])
def file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has links, or one that has none, such as that of a memory card."""

    def refuse(*names: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if not request.param:
        monkeypatch.setattr(os, "link", refuse)


TAKEN: dict[str, Callable[[Path], object]] = {
    "a file": lambda path: path.write_text("mine"),
    "an empty file": Path.touch,
    "a directory": Path.mkdir,
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
}


@pytest.mark.usefixtures("file_system")
@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN)
def test_a_name_that_is_taken_stays_what_it_is(tmp_path: Path, take: Callable[[Path], object]) -> None:
    path = tmp_path / "run.jsonl"
    take(path)
    before = path.lstat()
    part = part_beside(path)
    part.write_text("new")
    with pytest.raises(FileExistsError):
        put(part, path, overwrites=False)
    assert (path.lstat().st_ino, path.lstat().st_size) == (before.st_ino, before.st_size)
    assert part.read_text() == "new"


@pytest.mark.usefixtures("file_system")
def test_a_free_name_gets_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    part = part_beside(path)
    part.write_text("new")
    put(part, path, overwrites=False)
    assert path.read_text() == "new"


def while_written(path: Path) -> Iterator[bytes]:
    """Yield the pieces of an export, while somebody else makes the file."""
    yield b"one"
    path.write_text("mine")
    yield b"two"


def test_a_file_that_is_made_during_an_export_is_overwritten_only_with_force(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with pytest.raises(UsageError, match=r"run\.jsonl exists; --force overwrites it\."):
        export(path, while_written(path), overwrites=False)
    assert path.read_text() == "mine"
    export(path, while_written(path), overwrites=True)
    assert path.read_text() == "onetwo"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_made_while_the_screen_saves_is_overwritten_only_then(tmp_path: Path) -> None:
    path, events = tmp_path / "run.txt", Events(STORED)
    path.symlink_to("nowhere.txt")
    with pytest.raises(OutputError, match=r"run\.txt exists by now\. Save once more to overwrite it\."):
        save(path, events, [0], "ft-1", (), overwrites=False)
    assert list(tmp_path.iterdir()) == [path]
    save(path, events, [0], "ft-1", (), overwrites=True)
    assert path.is_symlink()
    assert STORED[0].message in (tmp_path / "nowhere.txt").read_text()
