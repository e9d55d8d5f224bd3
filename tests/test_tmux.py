import asyncio
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.command import FTMON
from tests.pane import Pane, needs_tmux, pane
from tests.servers.fine_tunes import JOB_ID
from tests.service import JOB_ID as ANOTHER_JOB_ID
from tests.service import Service
from tests.terminal import Terminal, terminal
from tests.test_security import CLIPBOARD, check_visited, hostile_service, notifying, visit

pytestmark = [pytest.mark.slow, needs_tmux]


@contextmanager
def attached(command: Sequence[str], options: Mapping[str, str]) -> Iterator[tuple[Pane, Terminal]]:
    """Run a command in a pane of tmux with these options, and show it on a terminal."""
    with pane(command, 160, 40) as inside:
        # Else tmux waits for what may follow an escape.
        inside.do("set", "-s", "escape-time", "0")
        for name, value in options.items():
            inside.do("set", "-g", name, value)
        with terminal(inside.attaching, 160, 41, TMUX="") as outside:
            yield inside, outside


# Untrusted text

TITLE = "#{pane_title} #{T:pane_title} #{E:pane_title} #T"
TRUSTING = {
    "set-titles": "on",
    "set-titles-string": TITLE,
    "status-right": TITLE,
    "automatic-rename-format": TITLE,
    "monitor-bell": "on",
    "set-clipboard": "on",
    "allow-passthrough": "on",
}
"""Options with which tmux reads a title as a format, and hands everything on."""


def watched(command: Sequence[str], folder: Path, end: Callable[[], object]) -> Terminal:
    """Open everything in a pane, check what is left of it, and return the terminal that showed it."""
    with attached(command, TRUSTING) as (inside, outside):
        before = inside.told("#{pane_title}")
        visit(outside, folder, end)
        inside.until((folder / "notified").exists)
        title = f"✘ failed · {JOB_ID[:7]}…"
        inside.until(lambda: inside.told("#{pane_title} / #{E:pane_title}") == f"{title} / {title}")
        inside.press("q")
        outside.until_shown("left with 1")
        assert inside.told("#{pane_title}") == before
        assert inside.told("#{alternate_on} #{mouse_any_flag} #{cursor_flag} #{window_panes}") == "0 0 1 1"
        # Those that were copied by keys.
        assert inside.do("list-buffers", "-F", "#{buffer_name}").count("\n") == 3
        return outside


async def test_in_tmux_nothing_remote_is_run_or_copied_and_title_and_pane_are_restored(
    tmp_path: Path,
) -> None:
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    server = hostile_service(over=over)
    folder = tmp_path / "folder"
    folder.mkdir()
    async with server.running():
        command = ["env", f"FTMON_NOTIFY={notifying(folder)}", *FTMON, JOB_ID]
        command += ["--base-url", f"{server.origin}/v1"]
        outside = await asyncio.to_thread(
            watched, command, folder, partial(loop.call_soon_threadsafe, over.set)
        )
    check_visited(folder, outside)
    written = outside.written.decode()
    assert not re.search("[\x80-\x9f\u2028-\u202e\u2066-\u2069\u200b\u200f\ufeff]", written)
    commands = re.findall("\x1b[]P^_][^\x07\x1b]*", written)
    assert commands
    assert not [each for each in commands if "x-" in each or "touch" in each]


# The clipboard


@pytest.mark.parametrize(
    "options",
    [
        {"set-clipboard": "on", "allow-passthrough": "on"},
        {"set-clipboard": "external", "allow-passthrough": "on"},
    ],
    ids=lambda options: " ".join(options.values()),
)
def test_a_copy_goes_through_tmux_to_the_terminal_that_shows_it(options: Mapping[str, str]) -> None:
    with Service().running() as service:
        command = [*FTMON, ANOTHER_JOB_ID, *service.options]
        with attached(command, options) as (_, outside):
            outside.until_shown("running")
            outside.press("y")
            outside.until(lambda: bool(CLIPBOARD.search(outside.written)))
            outside.until_shown("Sent the job id")
            assert "set-clipboard" not in outside.text
    (copied,) = CLIPBOARD.findall(outside.written)
    assert b64decode(copied).decode() == ANOTHER_JOB_ID
