"""Textual's driver for a terminal that sends anything, takes its time, and may be gone."""

import os
import select
import sys
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import TextIOWrapper
from typing import Any, TextIO, cast

from textual import events
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.keys import Keys
from textual.message import Message

from ftmon.notify import title_sequence
from ftmon.safe import safe

_WAIT = 0.1
"""Seconds to wait for input before the parser may take an ESC for the key, as in Textual."""

_MOST_COLUMNS, _MOST_LINES = 4000, 2000
"""A terminal that says that it is larger is not believed."""

_ENTER = "\x1b[?1049h"
"""Enters the alternate screen."""

_TOO_MUCH = 65536
"""Characters that may wait for a pause in the output."""


class Enveloped(Message):
    """A sequence for the terminal around tmux, which the app sends."""

    def __init__(self, sequence: str) -> None:
        super().__init__()
        self.sequence = "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


class TerminalDriver(LinuxDriver):
    """Reads whatever the terminal sends without failing, and tells the app when the terminal is gone."""

    class Gone(Message):
        """The terminal is gone: it takes no output, or its input is at its end."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._has_title = title_sequence.has_title(os.environ)
        self._title = ""
        self._is_title_saved = False
        self._file = cast(TextIOWrapper, _Output(sys.__stderr__, lambda: self.send_message(self.Gone())))

    def show_title(self, title: str) -> None:
        """Show a text in the title of the terminal, until the screen is left."""
        if title != self._title and self._has_title:
            self._title = title
            self._write_title()

    def start_application_mode(self) -> None:
        """Save the title that the terminal has, and show one that was shown before."""
        # Textual gives it no types.
        start: Callable[[], None] = super().start_application_mode
        start()
        # Textual starts nothing where the shell has put ftmon into the background.
        if self._has_title and self._writer_thread is not None:
            self.write(title_sequence.SAVE)
            self._is_title_saved = True
            if self._title:
                self._write_title()

    def stop_application_mode(self) -> None:
        """Restore the title."""
        if self._is_title_saved:
            self.write(title_sequence.RESTORE)
            self._is_title_saved = False
        super().stop_application_mode()

    def _write_title(self) -> None:
        if self._is_title_saved:
            self.write(title_sequence.shown(self._title))
            self.flush()

    def run_input_thread(self) -> None:
        """Handle input until the driver stops. A bug is raised in the app."""
        try:
            self._read_input()
        except Exception as error:
            self._app.call_later(_raise, error)

    def process_message(self, message: Message) -> None:
        """Pass on what was read, if it makes sense."""
        if isinstance(message, events.Resize) and not _is_plausible(message.size):
            return
        if isinstance(message, events.Paste):
            message.text = safe(message.text)
        super().process_message(message)

    def _read_input(self) -> None:
        parser = _Parser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        is_last = False
        while not is_last:
            # Read once more after the end, so that answers of the terminal do not reach the shell.
            is_last = self.exit_event.is_set()
            if select.select([self.fileno], [], [], _WAIT)[0]:
                try:
                    data = os.read(self.fileno, 4096)
                except BlockingIOError:
                    continue
                except OSError:
                    self.send_message(self.Gone())
                    return
                # Also empty where the shell has taken the key, or `Suspension` interrupts.
                if not data and _is_gone(self.fileno):
                    self.send_message(self.Gone())
                    return
                if text := decode(data):
                    self._process(parser.feed(text))
            self._process(parser.tick())

    def _process(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(message)

    def _get_terminal_size(self) -> tuple[int, int]:
        """Return the terminal's own size; where it has none, COLUMNS and LINES count."""
        for file in (2, 0, 1):
            with suppress(OSError):
                columns, lines = os.get_terminal_size(file)
                if columns and lines:
                    return columns, lines
        return super()._get_terminal_size()


class OpenedDriver(TerminalDriver):
    """Takes over a terminal that shows the alternate screen already."""

    _has_entered = False

    def write(self, data: str) -> None:
        """Write to the terminal, but do not enter the screen a second time: some terminals would clear it."""
        if data == _ENTER and not self._has_entered:
            self._has_entered = True
        else:
            super().write(data)


class _Parser(XTermParser):
    """Ignores sequences with numbers that mean nothing. Textual's parser would raise an error."""

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        try:
            keys = list(super()._sequence_to_key_events(sequence, alt))
            # Only half of a character, sent on its own, cannot be encoded.
            "".join(key.character or "" for key in keys).encode()
        except (ValueError, OverflowError):
            return [events.Key(Keys.Ignore, sequence)]
        return keys

    def parse_mouse_code(self, code: str) -> Message | None:
        try:
            return super().parse_mouse_code(code)
        except (ZeroDivisionError, ValueError, OverflowError):
            return None


class _Output:
    """The terminal's output as a file. No error of the terminal ends the thread that writes to it."""

    def __init__(self, file: TextIO | None, on_failure: Callable[[], None]) -> None:
        self._file = 2 if file is None else file.fileno()
        self._on_failure = on_failure
        self._text = ""

    def fileno(self) -> int:
        return self._file

    def write(self, text: str) -> None:
        self._text += text
        if len(self._text) > _TOO_MUCH:
            self.flush()

    def flush(self) -> None:
        left = memoryview(self._text.encode(errors="backslashreplace"))
        self._text = ""
        try:
            while left:
                try:
                    left = left[os.write(self._file, left) :]
                except BlockingIOError:
                    # Whoever shares the terminal may have made it non-blocking.
                    select.select([], [self._file], [])
        except OSError:
            self._on_failure()
            self._on_failure = lambda: None


def _is_gone(file: int) -> bool:
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0))


def _is_plausible(size: tuple[int, int]) -> bool:
    columns, lines = size
    return 0 < columns <= _MOST_COLUMNS and 0 < lines <= _MOST_LINES


def _raise(error: Exception) -> None:
    raise error
