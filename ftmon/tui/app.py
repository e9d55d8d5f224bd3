"""The app: what stands before its screen, the themes, and every way to exit."""

import os
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from inspect import isawaitable
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual import on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.notifications import SeverityLevel
from textual.screen import Screen

from ftmon.errors import BUG, HUNG_UP, LEFT
from ftmon.paths import stylesheet
from ftmon.safe import redact, safe
from ftmon.tui import layout_file
from ftmon.tui.breakpoints import HEIGHTS, WIDTHS, classes
from ftmon.tui.driver import Enveloped, OpenedDriver, TerminalDriver
from ftmon.tui.exits import Suspension
from ftmon.tui.refusal import RefusingApp
from ftmon.tui.theme import ANSI, DARK, THEMES

# What the picture at the start needs is imported before this, all else after it, where it is used.
if TYPE_CHECKING:
    from pathlib import Path

    from ftmon.model.key import JobKey
    from ftmon.model.run import Run
    from ftmon.notify.notifier import Notifier
    from ftmon.settings.notification import Notification
    from ftmon.tui.opening import Opening
    from ftmon.tui.screens.choose import Choice
    from ftmon.watch.watcher import Watcher


def _utc_now() -> datetime:
    return datetime.now(UTC)


class FtmonApp(RefusingApp):
    """Watches jobs, starting with the one of `key`. The caller has already told the watcher about that one.

    After `run()`, `return_code` is the exit status:

    * the outcome of the job shown last;
    * 130 if the user quit before that job ended;
    * 0 if no job was opened;
    * the status that `leave` was given;
    * 70 for a bug, and for whatever else closed the app.
    """

    TITLE = "ftmon"
    CSS_PATH: ClassVar = [stylesheet("app.tcss"), stylesheet("monitor.tcss")]
    """The screen's own are here too, because Textual parses all again for those of a screen."""
    ENABLE_COMMAND_PALETTE = False
    """Textual's palette is replaced by one that looks like the other dialogs."""
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "change_theme", "theme", tooltip="Choose a theme: dark, light, …", id="view.theme"),
        Binding("question_mark,f1", "help", "help", tooltip="Show all keys", id="help"),
        Binding("q", "quit", "quit", tooltip="Quit ftmon; the job is left alone", id="quit"),
        Binding("ctrl+q", "quit", "quit", False, priority=True, tooltip="Quit ftmon", id="quit.always"),
        Binding(
            "ctrl+z",
            "suspend_process",
            "suspend",
            False,
            tooltip="Suspend to the shell; fg returns",
            id="suspend",
        ),
        Binding("ctrl+p", "command_palette", "commands", False, tooltip="Show all commands", id="palette"),
        Binding(
            "ctrl+c",
            "copy_or_quit",
            "leave",
            False,
            priority=True,
            tooltip="Copy the selection; with none, quit",
            id="leave",
        ),
    ]

    def __init__(
        self,
        watcher: "Watcher",
        key: "JobKey | None" = None,
        *,
        exit_when_over: bool = False,
        tail: int | None = None,
        ways: "Notification | None" = None,
        layout: "Path | None" = None,
        opening: "Opening | None" = None,
        on_screen: Callable[[], None] = lambda: None,
        on_painted: Callable[[], None] = lambda: None,
        on_exit: Callable[[int], None] = lambda status: None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """`ways` is how the user is told of news; None where nothing is told.

        `layout` is the file that keeps the layout. `opening` is what a picture on the alternate screen shows
        already, or None. `on_screen` is called once the terminal is the app's, `on_painted` after the paint.
        """
        # Without colours, the terminal's own two are left. Textual would paint greys.
        super().__init__(
            driver_class=OpenedDriver if opening else TerminalDriver,
            ansi_color=True if os.environ.get("NO_COLOR") else None,
        )
        self._watcher = watcher
        self._key = key
        self._exit_when_over = exit_when_over
        self._tail = tail
        self._opening = opening
        self._ways = ways
        self._layout_file = layout
        self._kept = layout_file.read(layout)
        self.notifier: Notifier | None = None
        """Made after the first paint, where news are told."""
        self._on_screen = on_screen
        self._on_painted = on_painted
        self._on_exit = on_exit
        self._now = now
        for theme in THEMES.values():
            self.register_theme(theme)
        # Assigning `self.theme` would parse all stylesheets a second time.
        kept = str(self._kept.get("theme"))
        usual = kept if kept in self.available_themes else DARK.name
        self.set_reactive(App.theme, ANSI.name if self.no_color else usual)
        # Textual asks only at an assignment whether a theme has the terminal's own colours.
        self._refresh_truecolor_filter(self.ansi_theme)
        self.stylesheet.set_variables(self.get_css_variables())

    @property
    def watched(self) -> "Run | None":
        """The state of the job on the screen, or None before a job is opened."""
        return self.monitor.run if self.monitor else None

    def on_mount(self) -> None:
        """Handle a stop by the shell; show the monitor screen."""
        # By now it is sure that whatever ends the app leaves the alternate screen.
        self._on_screen()
        if self._driver is not None and self._driver.can_suspend:
            Suspension(self._driver, self._call_soon, self._watcher.resume)
        from ftmon.tui.announcer import Announcer
        from ftmon.tui.layout import Layout
        from ftmon.tui.screens.monitor import MonitorScreen

        if self._ways is not None:
            from ftmon.notify.notifier import Notifier

            secrets = self._watcher.settings.secrets
            self.notifier = Notifier(
                self._ways, ring=self._ring, report=self._report, secrets=secrets, now=self._now
            )
        self.monitor = MonitorScreen(
            self._watcher,
            self._key,
            self._now,
            Announcer(self, self.notifier, self._show_title),
            tail=self._tail,
            opening=self._opening,
            layout=Layout.of(self._kept),
            layout_file=self._layout_file,
        )
        # Before its first layout: each change styles every widget anew.
        self.monitor.add_class(*classes(*self.size))
        self.push_screen(self.monitor)

    def on_start_painted(self) -> None:
        """Tell that the screen is drawn."""
        self._on_painted()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        # The picture of the start stands until the screen can show the same.
        if self._opening is None or (self.monitor is not None and self.monitor.is_laid_out):
            super()._display(screen, renderable)

    def on_monitor_screen_over(self) -> None:
        """Exit if `exit_when_over` is set."""
        if self._exit_when_over:
            self.exit(return_code=self._exit_status())

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a toast, where it covers nothing that is needed now."""
        if self.monitor is not None:
            self.monitor.drawing.place_toasts()
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    # Telling those who do not look

    @on(Enveloped)
    def _send_enveloped(self, message: Enveloped) -> None:
        self._ring(message.sequence)

    def _ring(self, sequence: str) -> None:
        if isinstance(self._driver, TerminalDriver):
            self._driver.write(sequence)
            self._driver.flush()

    def _show_title(self, title: str) -> None:
        if isinstance(self._driver, TerminalDriver):
            self._driver.show_title(title)

    def _try_notifier(self) -> None:
        if self.notifier is not None:
            self.notify(self.notifier.try_out(), markup=False, timeout=10)

    def _report(self, sentence: str) -> None:
        """Tell the user that a notification has failed. Call it from any thread."""
        self._call_soon(lambda: self.notify(sentence, severity="warning", markup=False, timeout=10))

    # Keys

    def action_help(self) -> None:
        """Show all keys."""
        from ftmon.tui.screens.help import HelpScreen

        if self.monitor is not None and self.monitor.is_active:
            self.push_screen(HelpScreen(self.monitor.key_holders))

    def action_copy_or_quit(self) -> None:
        """Copy the selected text; if there is none, quit."""
        from textual.widgets import Input

        from ftmon.tui.clipboard import copy

        text = self.screen.get_selected_text()
        if not text and isinstance(self.focused, Input):
            text = self.focused.selected_text
        if text:
            copy(self, text, "the selection")
        else:
            self.exit(return_code=self._exit_status())

    async def action_quit(self) -> None:
        """Quit ftmon; the job is left alone."""
        self.exit(return_code=self._exit_status())

    def action_command_palette(self) -> None:
        """Ask for a command, and run it."""
        from ftmon.tui.palette import commands
        from ftmon.tui.screens.choose import Choice, ChooseScreen

        if self.monitor is None or not self.monitor.is_active:
            return
        choices = list(commands(self.monitor))
        if self.notifier is not None:
            choices.append(Choice("Try the notification", "", self._try_notifier))
        self.push_screen(ChooseScreen("Commands", "Search for commands", choices), self._run_choice)

    def action_change_theme(self) -> None:
        """Ask for a theme. What the cursor stands at is shown."""
        from ftmon.tui.palette import themes
        from ftmon.tui.screens.choose import Choice, ChooseScreen

        def show(name: str) -> None:
            self.theme = name

        def end(choice: Choice | None) -> None:
            if choice is None:
                show(before)

        # A key that was pressed twice at once comes here twice.
        if self.monitor is None or not self.monitor.is_active:
            return
        before = self.theme
        place = [theme.name for theme in THEMES.values()].index(self.current_theme.name)
        choices = themes(before, show)
        chooser = ChooseScreen("Theme", "Search for themes", choices, place, lambda choice: choice.do())
        self.push_screen(chooser, end)

    async def _run_choice(self, choice: "Choice | None") -> None:
        if choice is not None and isawaitable(doing := choice.do()):
            await doing

    # Exiting

    def exit(
        self, result: int | None = None, return_code: int = BUG, message: RenderableType | None = None
    ) -> None:
        """Exit with this status. `on_exit` is called with it first."""
        self._on_exit(return_code)
        super().exit(result, return_code, message)

    def _exit_status(self) -> int:
        if self.monitor is None or self.monitor.run is None:
            return LEFT if self._key else 0
        return LEFT if self.monitor.exit_status is None else self.monitor.exit_status

    @property
    def is_timeout_due(self) -> bool:
        """Whether a timeout that passes now ends the screen. It stays if the outcome is known."""
        run = self.watched
        # A known outcome is not always enough. With `exit_when_over`, the last events may still be missing.
        # The outcome of a replayed run is known before its first event.
        is_replaying = run is not None and run.connection.recorded is not None
        is_waiting = (self._exit_when_over or is_replaying) and not (run is not None and run.is_over)
        return self.monitor is None or self.monitor.exit_status is None or is_waiting

    def leave(self, status: int) -> None:
        """Exit with this status. Call it from a signal handler.

        Raises:
            SystemExit: if the event loop has not started yet, or is closed.
        """
        if self._loop is None or self._loop.is_closed():
            raise SystemExit(status)
        self._loop.call_soon_threadsafe(lambda: self.exit(return_code=status))

    @on(TerminalDriver.Gone)
    def _hang_up(self) -> None:
        self.exit(return_code=HUNG_UP)

    def _call_soon(self, action: Callable[[], None]) -> None:
        """Run an action in the event loop unless the app has exited. Call it from a signal handler."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(lambda: action() if self.is_running else None)

    def panic(self, *renderables: RenderableType) -> None:
        """Exit because of a bug. The renderables are not shown: they may hold local variables."""
        self._fatal_error()

    def _fatal_error(self) -> None:
        """Print that this is a bug, with a traceback that omits local variables: one may hold an API key."""
        self._on_exit(BUG)
        self._return_code = BUG
        if self._exit_renderables:
            return
        self.bell()
        error = self._exception
        lines = "".join(traceback.format_exception(error)) if error else ""
        note = f"This is a bug in ftmon; the job is not affected.\n\n{lines}"
        self._exit_renderables.append(Text(redact(safe(note), self._watcher.settings.secrets).rstrip()))
        self._close_messages_no_wait()
