"""What the terminal shows before the screen is there: first a word, then a picture of the job."""

import gc
import os
import select
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from ftmon.model.key import JobKey
    from ftmon.tui.opening import Opening

_ENTER, _LEAVE = b"\x1b[?1049h\x1b[?25l\x1b[?7l", b"\x1b[?7h\x1b[?25h\x1b[?1049l"
"""The alternate screen, without cursor and wrapping, and back."""

_ERASE = b"\r\x1b[K"

_PATIENCE = 0.2
"""Seconds that the terminal may take for something. After that it goes without the rest."""

_WIDEST, _HIGHEST = 500, 200
"""Columns and lines of the largest picture."""


class Feedback:
    """Shows at once that ftmon has started, and what it knows, while the screen is imported."""

    def __init__(self) -> None:
        self.opening: Opening | None = None
        """What the picture shows; None where there is none."""
        self._is_handed_over = False

    def __enter__(self) -> Self:
        _write("ftmon: opening …".encode())
        # Most of what a start makes stays. To look for garbage in it takes longer than to draw the screen.
        gc.disable()
        return self

    def __exit__(self, *error: object) -> None:
        gc.enable()
        if not self._is_handed_over:
            _write(_ERASE if self.opening is None else _LEAVE)

    def prepare(self) -> Callable[[], None]:
        """Clean the environment, and return what puts the terminal back as it was."""
        from ftmon.tui.environment import clean_environment
        from ftmon.tui.exits import SavedTerminal

        clean_environment()
        return SavedTerminal().restore

    def draw(
        self, key: "JobKey | None", history: Path | None, tail: int | None, *, is_recorded: bool
    ) -> None:
        """Draw what is recorded of a job, or that it is opened, on the alternate screen.

        The arguments are those of `opening_of`.
        """
        from datetime import UTC, datetime

        from ftmon.tui.exits import is_in_background
        from ftmon.tui.opening import opening_of
        from ftmon.tui.picture import Picture, Size

        size = Size(*_terminal_size())
        is_usual = 0 < size.width <= _WIDEST and 0 < size.height <= _HIGHEST
        if not is_usual or is_in_background():
            _write(_ERASE)
            return
        from ftmon.paths import layout_file
        from ftmon.tui import layout_file as file
        from ftmon.tui.colors import BY_NAME, DARK
        from ftmon.tui.ink import drawn
        from ftmon.tui.layout import Layout

        now, layout = datetime.now(UTC), Layout.of(file.read(layout_file()))
        opening = opening_of(key, history, tail, now, is_recorded=is_recorded)
        rows = Picture(opening, layout, size, now).rows()
        text = drawn(rows, size.width, BY_NAME.get(layout.theme, DARK), os.environ)
        # The shell shows again what is erased here, when ftmon is suspended.
        _write(_ERASE + _ENTER + text.encode())
        self.opening = opening

    def hand_over(self) -> None:
        """Leave the terminal to the screen."""
        self._is_handed_over = True

    def end(self) -> None:
        """Look for garbage again, as the screen is drawn, but never in what was made until now."""
        gc.freeze()
        gc.enable()


def _terminal_size() -> tuple[int, int]:
    try:
        return os.get_terminal_size(2)
    except OSError:
        return 0, 0


def _write(data: bytes) -> None:
    """Write to the terminal what it takes within a moment. It may be gone, or take nothing."""
    end = monotonic() + _PATIENCE
    with suppress(OSError):
        is_blocking = os.get_blocking(2)
        os.set_blocking(2, False)
        try:
            while data and select.select([], [2], [], max(0.0, end - monotonic()))[1]:
                with suppress(BlockingIOError):
                    data = data[os.write(2, data) :]
        finally:
            # The mode is shared with the shell.
            os.set_blocking(2, is_blocking)
