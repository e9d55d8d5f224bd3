"""Measures filter, search and a new width of a log of 1,000,000 events, and how long keys wait meanwhile."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.screen import Screen

from ftmon.model.event import Event, read_event
from ftmon.model.events import Events
from ftmon.paths import stylesheet
from ftmon.tui.log.event_row import Times, columns
from ftmon.tui.log.event_rows import EventRows
from ftmon.tui.log.filter import Filter
from ftmon.tui.log.finder import Finder
from ftmon.tui.look import LOOKS
from ftmon.tui.theme import DARK
from ftmon.tui.widgets.log_pane import LogPane
from tests.benchmarks.service import frame

EVENTS = 1_000_000

_FILTERS = {
    "text": Filter("loss=1.01"),
    "regex": Filter(r"/loss=1\.01\d*,/"),
    "two texts": Filter("step & !loss=1.01"),
    "level": Filter("level:warning"),
    "thinned": Filter(every=20_000),
}


def _event(number: int) -> Event:
    event = read_event(frame(number)[6:-2].decode())
    assert event is not None
    return event


def _floor(events: Events) -> float:
    """Return the CPU seconds of the shortest loop that looks for a text."""
    started = time.process_time()
    found = [index for index, message in enumerate(events.messages) if "loss=1.01" in message]
    assert found
    return time.process_time() - started


def _scan(events: Events, chosen: Filter) -> tuple[float, float]:
    """Return CPU seconds, and the longest slice in seconds."""
    finder = Finder(events)
    finder.set_filter(chosen)
    started, longest = time.process_time(), 0.0
    while not finder.is_done:
        before = time.monotonic()
        finder.run(0.008)
        longest = max(longest, time.monotonic() - before)
    return time.process_time() - started, longest


def _new_width(events: Events, width: int) -> float:
    """Return the seconds until the rows in sight are wrapped to a new width."""
    rows = EventRows()
    rows.extend(events)
    rows.catch_up()
    started = time.monotonic()
    rows.wrap_again(columns(width, Times.ABSOLUTE, False))
    rows.settle(rows.span(len(events) // 2)[0], 40)
    rows.settle_end(40)
    return time.monotonic() - started


class _Screen(Screen[None]):
    CSS_PATH: ClassVar = [stylesheet("app.tcss"), stylesheet("monitor.tcss")]
    COMPONENT_CLASSES = LOOKS

    def compose(self) -> ComposeResult:
        yield LogPane(lambda: datetime.now(UTC), list)


async def _on_screen(events: Events, act: Callable[[LogPane], object]) -> tuple[float, float]:
    """Return the seconds until an action is done, and the longest that the event loop was blocked."""
    app = App[None]()
    app.register_theme(DARK)
    app.theme = DARK.name
    async with app.run_test(size=(120, 40)) as pilot:
        await app.push_screen(_Screen())
        pane = app.screen.query_one(LogPane)
        pane.event_log.extend(events)
        pane.draw(None)
        await pilot.pause()
        started = last = time.monotonic()
        longest = 0.0
        act(pane)
        while not pane.event_log.finder.is_done or pane.event_log.finder.coming is not None:
            await asyncio.sleep(0.002)
            now = time.monotonic()
            longest = max(longest, now - last - 0.002)
            last = now
        return last - started, longest


def run() -> None:
    events = Events(_event(number) for number in range(EVENTS))
    floor = _floor(events)
    print(f"finding  the shortest loop over {EVENTS:,} events takes {floor:.2f} s of CPU")
    for name, chosen in _FILTERS.items():
        cpu, longest = _scan(events, chosen)
        print(
            f"finding  filter by {name}: {cpu:.2f} s of CPU (aim for a text: under 0.6), "
            f"ratio {cpu / floor:.1f}, longest slice {longest * 1000:.0f} ms"
        )
    for width in (100, 40):
        print(
            f"finding  {width} columns: seen after {_new_width(events, width) * 1000:.1f} ms (aim: under 40)"
        )
    seconds, longest = asyncio.run(_on_screen(events, lambda pane: pane._finding.filter("loss=1.01")))
    print(
        f"finding  filter on the screen: shown after {seconds:.2f} s, keys waited at most "
        f"{longest * 1000:.0f} ms (aim: under 60)"
    )
