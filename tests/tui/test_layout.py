import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ftmon.paths import layout_file
from ftmon.tui import layout_file as file
from ftmon.tui.layout import Layout
from ftmon.tui.log.event_row import Times
from tests.servers.fine_tunes import JOB, STREAM, answer, event, job, stream
from tests.servers.scripted import End
from tests.tui.stage import Stage, stage

EVENTS = [
    event(f"Step {step}/90: training loss={9 - step / 10:.1f}, validation loss={9 - step / 11:.1f}", step)
    for step in range(1, 81)
]


@asynccontextmanager
async def shown(size: tuple[int, int], **options: Any) -> AsyncIterator[Stage]:
    """Run the app on the losses of 80 steps."""
    scripts = {JOB: [answer(job())], STREAM: [stream(*EVENTS, End.HANG)]}
    async with stage(scripts, size=size, **options) as seen:
        await seen.until(lambda: len(seen.monitor.event_log.all_events) == len(EVENTS))
        await seen.until(lambda: seen.monitor.chart.has_values)
        await seen.pilot.pause()
        yield seen


async def drag(seen: Stage, start: tuple[int, int], end: tuple[int, int]) -> None:
    await seen.pilot.mouse_down(offset=start)
    await seen.pilot.hover(offset=end)
    await seen.pilot.mouse_up(offset=end)
    await seen.pilot.pause()


@pytest.mark.slow
async def test_keys_and_mouse_move_the_border_below_the_chart() -> None:
    async with shown((80, 30)) as seen:
        chart, title = seen.monitor.chart, seen.monitor.log_pane.title
        before = chart.region.height
        await seen.press(*["right_parenthesis"] * 3, "left_parenthesis")
        assert chart.region.height == before + 2
        y = title.region.y
        await drag(seen, (9, y), (9, y - 3))
        assert title.region.y == y - 3
        assert chart.region.height == before - 1
        await drag(seen, (9, y - 3), (9, 29))
        assert "Step 80/90" in seen.text
        await drag(seen, (9, title.region.y), (9, 0))
        assert "┤" in seen.text
        await drag(seen, (9, chart.region.y + 1), (9, y))
        assert chart.region.height == 5


@pytest.mark.slow
async def test_keys_and_mouse_move_the_border_beside_the_chart() -> None:
    async with shown((180, 30)) as seen:
        chart, log = seen.monitor.chart, seen.monitor.log_pane
        before = chart.region.width
        await seen.press("left_parenthesis", "left_parenthesis")
        assert log.region.x == chart.region.right == before - 8
        await drag(seen, (log.region.x, 20), (log.region.x + 13, 9))
        assert log.region.x == chart.region.right == before + 5
        await drag(seen, (log.region.x, 20), (179, 20))
        assert "80  1.00   v1.70" in seen.text
        await seen.pilot.resize_terminal(80, 30)
        await seen.until(lambda: chart.region.height == 9)


@pytest.mark.slow
async def test_the_chart_stands_in_place_of_the_log_and_has_the_keys() -> None:
    async with shown((40, 10)) as seen:
        assert "c chart" not in seen.text
        await seen.press("C")
        await seen.until_shown("⠤⠤ train")
        assert "v1.70" not in "\n".join(seen.rows[3:])
        await seen.press("left", "left")
        await seen.until_shown("step 7")
        await seen.press("slash")
        assert "text, /regex/" not in seen.text
        await seen.press("C")
        await seen.until_shown("80  1.00")
        assert seen.app.focused is seen.monitor.event_log
        await seen.press("f", "C")
        await seen.pilot.resize_terminal(20, 5)
        await seen.until_shown("80 1.00")
        await seen.until(lambda: seen.app.focused is seen.monitor.event_log)


@pytest.mark.slow
async def test_the_bar_has_what_a_newcomer_needs_and_tells_how_a_prompt_ends() -> None:
    async with shown((80, 24)) as seen:
        for words in ("/ find", "& filter", "c chart", "⏎ event", "i info", "o job", "? help", "q quit"):
            assert words in seen.rows[-1]
        await seen.press("slash")
        assert seen.rows[-1].strip() == "⏎ accept  esc cancel  f1 help"


@pytest.mark.slow
async def test_the_losses_move_into_the_status_line() -> None:
    async with shown((80, 24)) as seen:
        assert "train 8.90 → 1.00" in seen.text
        await seen.press("L")
        assert "train 8.90" not in seen.text
        assert "loss 1.00   v1.70" in seen.text
        await seen.press("L", "c")
        assert "train 8.90 → 1.00" in seen.text
        assert "loss 1.00" not in seen.text


@pytest.mark.slow
async def test_the_layout_is_kept_for_the_next_start(tmp_path: Path) -> None:
    kept = tmp_path / "state" / "layout.json"
    async with shown((80, 30), layout=kept) as seen:
        assert not kept.exists()
        await seen.press("right_parenthesis", "e", "l", "t", "w", "c", "L", "c", "left", "d", "down", "enter")
        await seen.until(kept.exists)
        await seen.press("t")
        theme = seen.app.theme
        assert theme != "ftmon-dark"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["layout.json"]
    async with shown((80, 30), layout=kept) as seen:
        monitor = seen.monitor
        assert monitor.chart.region.height == 10
        assert seen.app.theme == theme
        assert "ema" not in seen.text
        assert monitor.chart.view.is_logarithmic
        assert monitor.chart.view.cursor is None
        assert (monitor.event_log.times, monitor.event_log.is_wrapped) == (Times.ABSOLUTE, False)
        await seen.press("c")
        assert "train 8.90 → 1.00" not in seen.text
        await seen.press("C")
    fields = json.loads(kept.read_text())
    assert fields["chart"] is True
    assert "alone" not in fields
    async with shown((80, 30), layout=kept) as seen:
        await seen.press("l")
        await seen.until(lambda: json.loads(kept.read_text())["logarithmic"] is None)


DAMAGED = [
    "",
    "{",
    "[]",
    "null",
    '"x"',
    "[" * 9999,
    '{"above": "x", "times": [], "smoothing": {}, "theme": 3}',
    "\0\xff",
]
ODD = {
    "above": 1e999,
    "beside": -0.5,
    "chart": "yes",
    "times": "never",
    "across": None,
    "theme": [],
    "wrap": 0,
}


def test_a_damaged_file_is_as_none(tmp_path: Path) -> None:
    path = tmp_path / "layout.json"
    for text in [*DAMAGED, json.dumps(ODD)]:
        path.write_text(text)
        assert Layout.of(file.read(path)) == Layout()
    path.unlink()
    path.mkdir()
    assert file.read(path) == {}
    file.write(path, Layout().fields)
    file.write(tmp_path / "layout.json" / "x" / "y", {})
    (tmp_path / "plain").touch()
    file.write(tmp_path / "plain" / "layout.json", {})
    assert file.read(tmp_path / "plain" / "layout.json") == file.read(None) == {}
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith(".")) == []


def test_of_layouts_that_threads_write_at_once_the_newest_is_left(tmp_path: Path) -> None:
    path = tmp_path / "layout.json"
    kept = file.LayoutFile(path, {})
    with ThreadPoolExecutor(8) as threads:
        for number in range(40):
            kept.newest = {"number": number}
            threads.submit(kept.write)
    assert file.read(path) == {"number": 39}


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    fields = {
        **Layout().fields,
        "chart": False,
        "above": 0.5,
        "smoothing": 0.99,
        "across": "time",
        "times": "both",
        "theme": "nord",
    }
    file.write(tmp_path / "a" / "layout.json", fields)
    assert Layout.of(file.read(tmp_path / "a" / "layout.json")).fields == fields


def test_the_layout_is_in_the_state_directory(state_home: Path) -> None:
    assert layout_file() == state_home / "ftmon" / "layout.json"
