import gc
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Any, NamedTuple

import pyte
import pytest
from rich.color import ColorSystem
from rich.console import RenderableType
from rich.style import Style
from textual.geometry import Offset, Region
from textual.pilot import Pilot
from textual.screen import Screen

from ftmon.commands.feedback import Feedback
from ftmon.model.event import Event
from ftmon.model.key import JobKey
from ftmon.settings import Settings
from ftmon.tui.app import FtmonApp
from ftmon.tui.colors import BY_NAME, DARK
from ftmon.tui.ink import drawn
from ftmon.tui.layout import Layout
from ftmon.tui.opening import Opening, opening_of
from ftmon.tui.picture import Picture, Size
from ftmon.watch.watcher import Watcher
from tests.command import FTMON, PATIENCE, ftmon
from tests.records import KEY, job_of, read, record, told
from tests.servers.fine_tunes import JOB, JOB_ID, LIST, STREAM, event
from tests.servers.scripted import End, Server
from tests.service import HOSTILE, Service
from tests.service import JOB_ID as SERVED_ID
from tests.terminal import terminal
from tests.tui.stage import NOW

pytestmark = pytest.mark.slow

ENTER, MOUSE = b"\x1b[?1049h", b"\x1b[?1000h"
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

SIZES = [
    Size(*size)
    for size in ((80, 24), (20, 5), (40, 3), (40, 10), (60, 16), (161, 14), (203, 40), (100, 30), (120, 52))
]
LAYOUT = Layout()

TERMINALS = {
    ColorSystem.TRUECOLOR: {"COLORTERM": "truecolor", "TERM": "xterm-256color"},
    ColorSystem.EIGHT_BIT: {"TERM": "xterm-256color"},
    ColorSystem.STANDARD: {"TERM": "linux"},
}
"""What a terminal says of its colours."""


def told_of(count: int) -> list[Event]:
    words = "a rather long message that goes on in the next row 訓練"
    return [
        read(event(f"Step {number}/{count}: training loss={9 / (number + 9):.4f}, {words}", number // 4))
        for number in range(count)
    ]


def cells(screen: pyte.Screen, bytes_: bytes) -> list[list[tuple[Any, ...]]]:
    pyte.ByteStream(screen).feed(bytes_)
    return [[_seen(screen.buffer[y][x]) for x in range(screen.columns)] for y in range(screen.lines)]


def _seen(cell: Any) -> tuple[Any, ...]:
    """Return what can be seen of a cell: a blank has no ink."""
    return (cell.data, cell.bg) if cell.data == " " else (cell.data, cell.fg, cell.bg, cell.bold)


def painted(app: FtmonApp, size: Size, colors: ColorSystem) -> list[list[tuple[Any, ...]]]:
    rows = app.screen._compositor.render_strips()
    lines = [
        "".join(_fresh(style).render(text, color_system=colors) for text, style, _ in row) for row in rows
    ]
    text = "".join(f"\x1b[{y};1H{line}" for y, line in enumerate(lines, 1))
    return cells(pyte.Screen(*size), text.encode())


def _fresh(style: Style | None) -> Style:
    """Return a style that remembers no other depth of colours."""
    style = style or Style()
    return Style(color=style.color, bgcolor=style.bgcolor, bold=style.bold, dim=style.dim)


def left_out(app: FtmonApp, opening: Opening) -> list[Region]:
    """Return the places that the picture leaves empty."""
    kinds = ["KeyBar", "LossChart", *([] if opening.is_whole else ["LossLine"])]
    log = app.screen.query_one("EventLog").region
    bar = Region(log.right - 1, log.y, 1, log.height)
    return [bar, *(widget.region for kind in kinds for widget in app.screen.query(kind) if widget.display)]


class Observed(FtmonApp):
    """Notes when its main screen is drawn."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.drawn: list[tuple[bool, int]] = []
        """For each time, whether the screen was laid out, and how many events it had."""
        self.drawn_before: list[int] = []
        """How often it was drawn when the app said that it is painted."""
        super().__init__(*arguments, on_painted=lambda: self.drawn_before.append(len(self.drawn)), **options)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if self.monitor is not None and screen is self.monitor:
            self.drawn.append((self.monitor.is_laid_out, len(self.monitor.event_log.all_events)))
        super()._display(screen, renderable)


class Start(NamedTuple):
    app: Observed
    pilot: Pilot[int]
    opening: Opening
    layout: Layout


def drawn_for(opening: Opening, size: Size, environ: Mapping[str, str], layout: Layout = LAYOUT) -> str:
    colors = BY_NAME.get(layout.theme, DARK)
    return drawn(Picture(opening, layout, size, NOW).rows(), size.width, colors, environ)


def faults(start: Start, colors: ColorSystem, **more: str) -> list[str]:
    """Return where the picture differs from the screen."""
    size = Size(*start.app.size)
    text = drawn_for(start.opening, size, {**TERMINALS[colors], **more}, start.layout)
    first, then = cells(pyte.Screen(*size), text.encode()), painted(start.app, size, colors)
    empty = left_out(start.app, start.opening)
    return [
        f"{size} {colors} {x},{y}: {first[y][x]} is {then[y][x]}"
        for y in range(size.height)
        for x in range(size.width)
        if first[y][x] != then[y][x] and not any(region.contains_point(Offset(x, y)) for region in empty)
    ]


async def lasting_faults(start: Start, colors: ColorSystem, environ: Mapping[str, str]) -> list[str]:
    """Return the differences that stay when the screen has had the time to follow a new size."""
    end = monotonic() + PATIENCE
    await start.pilot.pause()
    while (found := faults(start, colors, **environ)) and monotonic() < end:
        await start.pilot.pause(0.05)
    return found


@asynccontextmanager
async def opened(
    path: Path, count: int, history: Path | None = None, fields: Mapping[str, Any] = MappingProxyType({})
) -> AsyncIterator[Start]:
    """Record events, and run the app from their picture on, in a layout. The service never answers."""
    hang = [[End.HANG]]
    server = Server({JOB: hang, STREAM: hang, LIST: hang})
    kept = path.with_name("layout.json")
    kept.write_text(json.dumps(dict(fields)))
    async with server.running():
        key = JobKey(f"{server.origin}/v1", JOB_ID)
        record(path, told(*told_of(count), key=key, job=job_of("running", created_at=1691665000)))
        opening = opening_of(key, path, None, NOW)
        watcher = Watcher(Settings(key.service), history=history)
        watcher.watch(key)
        app = Observed(watcher, key, opening=opening, layout=kept, now=lambda: NOW)
        try:
            async with app.run_test(size=SIZES[0]) as pilot:
                yield Start(app, pilot, opening, Layout.of(fields))
        finally:
            watcher.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite3"


ARRANGED = {"chart": True, "above": 0.4, "beside": 0.3, "losses": False, "times": "both", "wrap": False}


@pytest.mark.parametrize(
    ("count", "fields", "environ"),
    [
        (700, {}, {}),
        (60, {}, {"NO_COLOR": "1"}),
        (60, {**ARRANGED, "theme": "ftmon-ansi"}, {}),
        (60, {"chart": False, "theme": "ftmon-light"}, {}),
    ],
    ids=["many", "NO_COLOR", "arranged", "light"],
)
async def test_the_screen_takes_the_place_of_the_picture_cell_by_cell(
    path: Path,
    count: int,
    fields: dict[str, Any],
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    async with opened(path, count, fields=fields) as start:
        assert start.opening.is_whole == (count < 500)
        found = []
        for size in SIZES:
            await start.pilot.resize_terminal(*size)
            for colors in TERMINALS if size == SIZES[0] else [ColorSystem.TRUECOLOR]:
                found += await lasting_faults(start, colors, environ)
    assert not found, "\n".join(found[:20])


async def test_the_screen_is_drawn_once_it_is_laid_out_and_at_no_step_before(path: Path) -> None:
    async with opened(path, 60) as start:
        while not start.app.drawn_before:
            await start.pilot.pause(0.01)
        assert start.app.drawn_before[0] > 0
        assert all(is_laid_out for is_laid_out, _ in start.app.drawn)


def test_a_start_looks_for_no_garbage_until_the_screen_is_drawn() -> None:
    with Feedback() as feedback:
        assert not gc.isenabled()
        feedback.end()
        assert gc.isenabled()
    # The other tests make more garbage than a start does.
    gc.unfreeze()


async def test_what_is_read_later_takes_the_place_of_the_last_events(path: Path) -> None:
    async with opened(path, 700, history=path) as start:
        await start.pilot.resize_terminal(100, 40)
        assert start.app.monitor is not None
        while len(start.app.monitor.event_log.all_events) < 700:
            await start.pilot.pause(0.01)
        await start.pilot.pause()
        assert not faults(start, ColorSystem.TRUECOLOR)
        assert start.app.monitor.chart.visible


async def test_a_recorded_run_is_shown_at_once_and_stays_while_it_is_read(path: Path) -> None:
    record(path, told(*told_of(1200), job=job_of("succeeded", created_at=1691665000)))
    opening = opening_of(KEY, path, None, NOW, is_recorded=True)
    text = drawn_for(opening, Size(80, 24), {})
    assert all(word in text for word in ("▷ reading", "✔ succeeded", "Step 1199/1200"))
    watcher = Watcher(Settings(KEY.service), history=path, offline=True)
    watcher.replay(KEY)
    app = Observed(watcher, KEY, opening=opening, now=lambda: NOW)
    try:
        async with app.run_test(size=(80, 24)) as pilot:
            while app.watched is None or not app.watched.is_over:
                await pilot.pause(0.01)
            await pilot.pause()
            assert app.monitor is not None
            assert len(app.monitor.event_log.all_events) == 1200
    finally:
        watcher.close()
    assert {count for _, count in app.drawn} <= {500, 1200}


async def test_whoever_has_scrolled_stays_when_the_past_is_read(path: Path) -> None:
    async with opened(path, 700) as start:
        await start.pilot.resize_terminal(60, 40)
        await start.pilot.press("home")
        assert start.app.monitor is not None
        log = start.app.monitor.event_log
        first = log.all_events[log.top or 0]
        log.replace(told_of(700), start.opening.skipped)
        await start.pilot.pause()
        assert log.all_events[log.top or 0] == first
        assert len(log.all_events) == 700


def test_the_terminal_shows_the_picture_first_and_no_row_of_it_moves(tmp_path: Path) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path)}
    with Service().running() as service:
        for number in range(40):
            service.tell(f"line {number} of forty")
        assert ftmon(SERVED_ID, *service.options, "--no-stream", env=env).returncode == 0
        with terminal([*FTMON, SERVED_ID, *service.options], 80, 24, **env) as shown:
            screens: list[list[str]] = []

            def is_live() -> bool:
                screens.append(shown.text.splitlines())
                return "● live" in shown.text

            shown.until(is_live)
            shown.press("q")
            assert shown.wait() == 130
            shown.assert_restored()
    last = b"line 39 of forty"
    assert shown.written.index(b"ftmon: opening") < shown.written.index(last) < shown.written.index(MOUSE)
    assert shown.written.count(ENTER) == 1
    whole = [rows for rows in screens if last.decode() in "".join(rows)]
    log = {tuple(row[:79] for row in rows[6:23]) for rows in whole}
    assert len(log) == 1
    assert all(f"{SERVED_ID} · curie" in rows[0] for rows in whole)


def test_of_a_job_that_is_not_recorded_the_picture_says_that_it_is_opened(path: Path) -> None:
    rows = Picture(opening_of(KEY, path, None, NOW), LAYOUT, Size(80, 24), NOW).rows()
    texts = ["".join(piece.text for piece in row.pieces) for row in rows]
    assert JOB_ID in texts[0]
    assert [text.strip() for text in texts if "opening" in text] == ["opening …"]


def test_hostile_text_of_the_history_draws_nothing_but_itself(path: Path) -> None:
    events = [read(event(HOSTILE, number, level="error")) for number in range(30)]
    record(path, told(*events, job=job_of("running", model=HOSTILE, error={"message": HOSTILE})))
    text = drawn_for(opening_of(KEY, path, None, NOW), Size(80, 24), {})
    assert "evil" in text
    assert not CONTROL.search(re.sub(r"\x1b\[[0-9;]*[Hm]", "", text))
