"""The log with its title, and the keys that find something in it."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from ftmon.errors import OutputError, UsageError
from ftmon.model.event import Event
from ftmon.model.message import step_of
from ftmon.model.run import Run
from ftmon.text import plural
from ftmon.tui.excerpt import LONGEST_TOAST, excerpt
from ftmon.tui.finding import Finding
from ftmon.tui.log.jump import read_time
from ftmon.tui.log.standing import Standing, filter_words, search_words
from ftmon.tui.question import Question
from ftmon.tui.widgets.event_log import EventLog
from ftmon.tui.widgets.run_lines import LogTitle


class LogPane(Vertical):
    """Holds the log, tells in its title what is shown of it, and asks what to look for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open_event", "event", tooltip="Show all of an event", id="log.open"),
        Binding("n", "next_hit(1)", "next", False, tooltip="Go to the next one found", id="log.next"),
        Binding("N", "next_hit(-1)", "previous", False, tooltip="Go to the one before", id="log.previous"),
        Binding("h", "thin", "fewer", tooltip="Show fewer steps, then only what matters", id="log.thin"),
        Binding(
            "left_square_bracket",
            "next_milestone(-1)",
            "milestone",
            False,
            tooltip="The epoch, checkpoint, warning, error or end before",
            id="log.milestone_up",
        ),
        Binding(
            "right_square_bracket",
            "next_milestone(1)",
            "milestone",
            False,
            tooltip="The next of these",
            id="log.milestone_down",
        ),
        Binding(
            "left_curly_bracket",
            "go_by_minutes(-1)",
            "minute up",
            False,
            tooltip="One minute up",
            id="log.minute_up",
        ),
        Binding(
            "right_curly_bracket",
            "go_by_minutes(1)",
            "minute down",
            False,
            tooltip="One minute down",
            id="log.minute_down",
        ),
        Binding("T", "go_to_time", "to time", False, tooltip="Go to a time that you type", id="log.to_time"),
        Binding("m", "toggle_mark", "mark", False, tooltip="Mark the event, or unmark it", id="log.mark"),
        Binding(
            "apostrophe",
            "next_mark",
            "next mark",
            False,
            tooltip="Go to the next mark",
            id="log.next_mark",
        ),
        Binding("Y", "copy_json", "copy JSON", False, tooltip="Copy the event's JSON", id="log.copy_json"),
        Binding("s", "save", "save", tooltip="Save what is shown in a file", id="log.save"),
        Binding(
            "escape",
            "back",
            "back",
            False,
            tooltip="End in turn: the choice, the search, the filter",
            id="log.back",
        ),
    ]

    def __init__(self, now: Callable[[], datetime], secrets: Callable[[], Sequence[str]]) -> None:
        """`secrets` returns the keys, which no event that is shown, copied or saved may have."""
        super().__init__()
        self._now = now
        self._secrets = secrets
        self.event_log = EventLog(now)
        self.title = LogTitle()
        self._finding = Finding(self.event_log, self._say)
        self._run: Run | None = None

    def compose(self) -> ComposeResult:
        """Lay out title and log."""
        yield self.title
        yield self.event_log

    def draw(self, run: Run | None) -> None:
        """Show the events that came, and what the title tells of the run."""
        self._run = run
        try:
            self.event_log.paint(is_over=run is not None and run.is_over)
        except TimeoutError:
            self._finding.give_up()
        self._finding.look()
        self._draw_title()

    @on(EventLog.Changed)
    def _draw_title(self) -> None:
        log = self.event_log
        shown = len(log.shown)
        step = None if log.following or self._event is None else step_of(self._event)
        standing = Standing(
            log.following,
            log.unseen,
            step,
            *log.in_sight,
            shown,
            filter_words(log.finder, shown, len(log.all_events)),
            search_words(log.finder, log.chosen),
            len(log.finder.marks),
        )
        self.title.draw(self._run, standing)

    def _say(self, sentence: str) -> None:
        self.notify(excerpt(sentence, LONGEST_TOAST), markup=False, timeout=4)

    @property
    def is_asked(self) -> bool:
        """Whether a prompt has the keys."""
        focused = self.screen.focused
        return focused is not None and any(prompt in focused.ancestors for prompt in self.query("Prompt"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave all keys to the prompt while it has them."""
        return not self.is_asked

    # Keys

    async def _ask(self, question: Question) -> None:
        """Ask something below the log."""
        from ftmon.tui.widgets.prompt import Prompt

        await self._end_question()
        await self.mount(Prompt(question, self.event_log))

    async def _end_question(self) -> None:
        """Remove a prompt that is open, and undo what it tries out."""
        from ftmon.tui.widgets.prompt import Prompt

        for prompt in self.query(Prompt):
            prompt.undo()
        await self.query(Prompt).remove()

    async def ask_for_search(self) -> None:
        """Ask what to search for, and go there while it is typed."""
        await self._end_question()
        finding, aim = self._finding, self._finding.aim
        await self._ask(
            Question(
                "/",
                "text, /regex/, or a step: n next, N previous",
                lambda text: finding.search(text, aim.spot),
                preview=lambda text: finding.preview_search(text, aim.spot),
                undo=lambda: finding.return_to(aim),
            )
        )

    async def ask_for_filter(self) -> None:
        """Ask which events to show, and show them while it is typed."""
        await self._end_question()
        finding, aim = self._finding, self._finding.aim
        await self._ask(
            Question(
                "&",
                "text, /regex/, level:warning, type:metrics; ! leaves out; a & b",
                finding.filter,
                aim.filter.text,
                finding.preview_filter,
                undo=lambda: finding.return_to(aim),
            )
        )

    async def action_go_to_time(self) -> None:
        """Ask for a time, and go there."""
        await self._ask(Question("time ", "14:02, 14:02:11 or 2026-01-31 14:02", self._go_to_time))

    def _go_to_time(self, text: str) -> None:
        event = self._event
        near = event.created_at if event else None
        self._finding.go_to_time(read_time(text, near or self._now()))

    def action_next_hit(self, step: int) -> None:
        """Go to the next event found, or the one before."""
        if not self._finding.next_hit(step):
            raise SkipAction

    def action_thin(self) -> None:
        """Show few of the steps, or all again."""
        self._finding.thin()

    def action_next_milestone(self, step: int) -> None:
        """Go to the next milestone, or the one before."""
        self._finding.next_milestone(step)

    def action_go_by_minutes(self, step: int) -> None:
        """Go a minute down or up."""
        self._finding.go_by_minutes(step)

    def action_toggle_mark(self) -> None:
        """Mark the event that the user is at, or remove its mark."""
        self._finding.toggle_mark()

    def action_next_mark(self) -> None:
        """Go to the next mark."""
        self._finding.next_mark()

    @on(EventLog.Opened)
    def action_open_event(self) -> None:
        """Show all of the event that the user is at."""
        from ftmon.tui.screens.event import EventScreen

        if (event := self._event) is not None and self.screen.is_active:
            self.app.push_screen(EventScreen(event, self._secrets()))

    def action_copy_json(self) -> None:
        """Copy the JSON of the event that the user is at."""
        from ftmon.tui.clipboard import copy
        from ftmon.tui.screens.event import event_text

        if (event := self._event) is not None:
            copy(self.app, event_text(event, self._secrets()), "the JSON of the event")

    @property
    def _event(self) -> Event | None:
        here = self.event_log.here
        return None if here is None else self.event_log.all_events[here]

    async def action_save(self) -> None:
        """Ask for the name of a file, and save what is shown."""
        if self._run is None or not self.event_log.shown:
            self._say("There is no event to save.")
            return
        from ftmon.tui.saving import check

        name = self._run.key.job_id.replace("/", "-").replace(":", "-")
        overwritten: set[Path] = set()

        def save(text: str) -> None:
            path = check(text)
            if (path.exists() or path.is_symlink()) and path not in overwritten:
                overwritten.add(path)
                raise UsageError(f"{path} exists. Enter once more overwrites it.")
            self.run_worker(self._save(path, path in overwritten))

        hint = "a name that ends with .txt, .jsonl or .csv"
        await self._ask(Question("save as ", hint, save, f"{name}.txt"))

    async def _save(self, path: Path, overwrites: bool) -> None:
        from ftmon.tui.saving import save

        log = self.event_log
        # More may come meanwhile.
        shown = log.shown[:]
        job_id = self._run.key.job_id if self._run else ""
        try:
            await asyncio.to_thread(
                save, path, log.all_events, shown, job_id, self._secrets(), overwrites=overwrites
            )
        except OutputError as error:
            self._say(str(error))
        else:
            self._say(f"Saved {plural(len(shown), 'event')} in {path}.")

    def action_back(self) -> None:
        """End the choice, the search or the filter."""
        if not self._finding.back():
            raise SkipAction
