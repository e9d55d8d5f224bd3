import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.events import MouseEvent, MouseScrollDown, MouseScrollUp
from textual.geometry import Offset

from ftmon.tui.refusal import why_not
from ftmon.tui.widgets.loss_chart import LossChart
from tests.servers.fine_tunes import JOB, STREAM, answer, event, job, stream
from tests.servers.scripted import End
from tests.tui.stage import Stage, stage

pytestmark = pytest.mark.slow

STEPS = 150

REFUSED = {
    "many": "There is only one figure: loss.",
    "smooth": "There are too few points to smooth.",
    "pan": "All of the x axis is shown: z zooms in.",
    "next_hit": "Nothing is searched for: / searches.",
    "retry": "There is nothing to retry.",
    "replay": "A run can be replayed once it is over.",
    "change_speed": "Nothing is replayed now.",
}
"""Actions that are not possible, and why."""


def step(number: int) -> dict[str, Any]:
    data: dict[str, float] = {
        "step": number,
        "total_steps": 200,
        "train_loss": 3 - number / 60 + number % 3 / 10,
        "train_accuracy": number / 200,
        "learning_rate": 1e-5,
    }
    if number % 10 == 0:
        data["valid_loss"] = 3.1 - number / 60
    message = f"Step {number}/200: training loss={data['train_loss']:.2f}"
    return {**event(message, 10 * number), "type": "metrics", "data": data}


EVENTS = [
    event("Fine-tune started"),
    *map(step, range(1, 51)),
    event("Completed epoch 1/4", 500),
    *map(step, range(51, STEPS + 1)),
]


@asynccontextmanager
async def charted(size: tuple[int, int] = (100, 32), *more: Any) -> AsyncIterator[Stage]:
    """Run the app with a chart on the screen."""
    async with stage({JOB: [answer(job())], STREAM: [stream(*EVENTS, *more, End.HANG)]}, size=size) as seen:
        await seen.until(lambda: len(seen.monitor.event_log.all_events) == len(EVENTS) + len(more))
        await seen.until_shown("⠤⠤ train")
        yield seen


def title(seen: Stage) -> str:
    return seen.rows[seen.monitor.chart.region.y]


def axis(seen: Stage) -> str:
    return seen.rows[seen.monitor.chart.region.bottom - 1]


def marked(seen: Stage) -> str:
    log = seen.monitor.event_log
    return "" if log.chosen is None else log.all_events[log.chosen].message


def wheel(event: type[MouseEvent], chart: LossChart, x: int) -> MouseEvent:
    """Return the event of a wheel that is turned over a column of the chart."""
    place = chart.region.offset + Offset(x, 3)
    return event(chart, x, 3, 0, 0, 0, False, False, False, place.x, place.y)


async def test_keys_choose_the_figure_the_scale_the_axis_and_the_smoothing() -> None:
    async with charted() as seen:
        assert "ema 0.9" in title(seen)
        # An average of a hundred points would say nothing of so few.
        await seen.press("e")
        assert "ema" not in title(seen)
        await seen.press("v")
        assert title(seen).startswith(" accuracy")
        await seen.press("v")
        assert title(seen).startswith(" learning rate")
        await seen.press("V", "V", "l")
        assert title(seen).startswith(" loss")
        assert "log scale" in title(seen)
        await seen.press("left", "e")
        assert re.search("  log scale  ema 0.6$", title(seen))
        await seen.pilot.resize_terminal(20, 32)
        await seen.until(lambda: re.search("^ step 150 +log$", title(seen)) is not None)
        await seen.press("escape")
        await seen.until(lambda: re.search("^ ⠤⠤ 0.500 +log$", title(seen)) is not None)
        await seen.pilot.resize_terminal(100, 32)
        assert axis(seen).startswith("  step")
        await seen.press("a")
        assert axis(seen).startswith(" epoch")
        assert "◆1" in axis(seen)
        await seen.press("a")
        assert axis(seen).startswith("  time")
        await seen.press("a")
        assert axis(seen).startswith("  step")


async def test_the_cursor_reads_a_step_and_marks_its_event_in_the_log() -> None:
    async with charted() as seen:
        await seen.press("left")
        assert "step 150" in title(seen)
        assert marked(seen).startswith("Step 150/200")
        await seen.press("shift+left", "right")
        message = marked(seen)
        assert f"step {message.split('/')[0].removeprefix('Step ')} " in title(seen)
        assert "scrolled up" in seen.text or seen.monitor.event_log.following
        await seen.press("escape")
        assert marked(seen) == ""
        assert "train 3.08 → 0.500" in title(seen)


async def test_a_marked_event_moves_the_cursor() -> None:
    async with charted() as seen:
        await seen.press("shift+up", "shift+up", "shift+up")
        assert marked(seen).startswith("Step 148/200")
        assert "step 148" in title(seen)
        await seen.press("escape")
        assert "step 148" not in title(seen)


async def test_the_cursor_stays_where_the_log_has_no_event_of_its_step() -> None:
    scripts = {JOB: [answer(job())], STREAM: [stream(*EVENTS, End.HANG)]}
    async with stage(scripts, size=(100, 32), tail=3) as seen:
        await seen.until_shown("⠤⠤ train")
        await seen.until_shown("Step 150/200")
        await seen.press("left", "shift+left")
        assert "step 1" in title(seen)
        await seen.press("tab", "home")
        assert "step 1 " in title(seen)


async def test_a_marked_event_without_a_step_moves_the_cursor_to_where_it_came() -> None:
    async with charted() as seen:
        await seen.press("home", *["shift+up"] * 2)
        seen.monitor.event_log.go_to(51)
        assert marked(seen) == "Completed epoch 1/4"
        assert "step 50 " in title(seen)


async def test_the_cursor_marks_the_lines_of_a_trainer_that_tells_no_steps() -> None:
    lines = [event(f"{{'loss': {9 - number}.5, 'epoch': {number / 10}}}", number) for number in range(9)]
    scripts = {JOB: [answer(job())], STREAM: [stream(event("begun"), *lines, End.HANG)]}
    async with stage(scripts, size=(100, 32)) as seen:
        await seen.until_shown("⠤⠤ train")
        await seen.press("left", "left", "left")
        assert "step 7 " in title(seen)
        assert "train 3.50" in title(seen)
        assert marked(seen).startswith("{'loss': 3.5")


async def test_home_and_end_in_the_chart_go_to_its_ends() -> None:
    async with charted() as seen:
        await seen.press("tab")
        assert seen.app.focused is seen.monitor.chart
        await seen.press("home")
        assert "step 1 " in title(seen)
        assert marked(seen).startswith("Step 1/200")
        assert "Step 1/200" in seen.text
        await seen.press("end")
        assert "step 150" in title(seen)
        await seen.press("c")
        await seen.until(lambda: seen.app.focused is seen.monitor.event_log)


async def test_zooming_and_panning_show_a_part_around_the_cursor() -> None:
    async with charted() as seen:
        await seen.press("left", *["shift+left"] * 3, "z", "z")
        step = title(seen).split("step ")[1].split()[0]
        assert "zoom 4×" in title(seen)
        whole = axis(seen)
        await seen.press(*["shift+left"] * 6)
        assert axis(seen) != whole
        assert f"step {step} " not in title(seen)
        await seen.press("greater_than_sign", "greater_than_sign", "less_than_sign")
        await seen.press("Z", "Z")
        assert "zoom" not in title(seen)
        await seen.press("z", "escape", "escape")
        assert "zoom" not in title(seen)


async def test_the_mouse_points_zooms_and_changes_the_figure() -> None:
    async with charted() as seen:
        chart = seen.monitor.chart
        await seen.pilot.click(chart, offset=(40, 3))
        await seen.pilot.pause()
        first = title(seen)
        assert "step " in first
        assert marked(seen).startswith("Step ")
        await seen.pilot.click(chart, offset=(50, 3))
        await seen.pilot.pause()
        assert title(seen) != first
        chart.post_message(wheel(MouseScrollUp, chart, 40))
        await seen.until_shown("zoom 2×")
        chart.post_message(wheel(MouseScrollDown, chart, 40))
        await seen.until(lambda: "zoom" not in seen.text)
        await seen.pilot.click(chart, offset=(3, 0))
        await seen.until(lambda: title(seen).startswith(" accuracy"))
        assert seen.app.focused is seen.monitor.event_log


async def test_several_figures_stand_side_by_side_or_below_each_other() -> None:
    async with charted((140, 40)) as seen:
        await seen.press("u")
        assert "accuracy" in title(seen)
        assert "loss" in title(seen)
        assert title(seen).endswith("2 of 3 figures")
        await seen.press("u")
        assert "accuracy" not in title(seen)
        await seen.pilot.resize_terminal(180, 50)
        await seen.until(lambda: seen.monitor.chart.region.right <= seen.monitor.event_log.region.x)
        chart = "\n".join(row[: seen.monitor.chart.region.right] for row in seen.rows)
        await seen.press("u")
        chart = "\n".join(row[: seen.monitor.chart.region.right] for row in seen.rows)
        assert all(f" {name} " in chart for name in ("loss", "accuracy", "learning rate"))


@pytest.mark.parametrize("size", [(80, 24), (40, 22)], ids=str)
async def test_c_gives_a_chart_of_six_rows_on_a_small_screen(size: tuple[int, int]) -> None:
    last = "Step 150/200" if size[0] == 80 else "150  0.500"
    async with stage({JOB: [answer(job())], STREAM: [stream(*EVENTS, End.HANG)]}, size=size) as seen:
        await seen.until_shown(last)
        assert "← cursor" not in seen.text
        await seen.press("v", "left", "c")
        assert seen.monitor.chart.region.height == 7
        assert title(seen).startswith(" loss")
        assert ("← cursor" in seen.text) is (size[0] == 80)
        assert last in seen.text


async def test_a_hostile_name_of_a_figure_is_harmless_in_the_title() -> None:
    name = "\x1b]0;owned\x07[red]x[/red]\n[@click=app.bell]y"
    hostile = [
        {**event("Metrics", 1600 + number), "type": "metrics", "data": {"step": number, name: number}}
        for number in (1, 2)
    ]
    async with charted((100, 32), *hostile) as seen:
        await seen.press("V")
        assert "[red]x[/red]" in title(seen)
        assert "\x1b" not in seen.text
        assert "owned" not in seen.text
        await seen.pilot.click(seen.monitor.chart, offset=(14, 0))
        await seen.until(lambda: title(seen).startswith(" loss"))


async def test_the_title_of_the_log_says_when_it_does_not_follow() -> None:
    async with charted() as seen:
        assert "↓ following" in seen.text
        await seen.press("up")
        assert "scrolled up" in seen.text
        await seen.press("f")
        assert "↓ following" in seen.text


async def test_the_palette_and_the_help_have_the_keys_of_the_chart() -> None:
    async with charted((100, 100)) as seen:
        await seen.press("ctrl+p", *"chart")
        await seen.until_shown("Chart the next figure")
        await seen.press("escape", "question_mark")
        await seen.until_shown("Chart the next figure")


async def test_a_key_that_can_do_nothing_is_not_offered_and_says_why() -> None:
    losses = [event(f"Step {number}/9: training loss={number}", number) for number in range(1, 6)]
    async with stage({JOB: [answer(job())], STREAM: [stream(*losses, End.HANG)]}, size=(100, 32)) as seen:
        await seen.until_shown("⠤⠤ train")
        assert "← cursor" in seen.text
        assert "v value" not in seen.text
        assert {name: why_not(name, seen.monitor) for name in REFUSED} == REFUSED
        await seen.press("V")
        await seen.until_shown(REFUSED["many"])
        await seen.press("c")
        assert why_not("scale", seen.monitor) == "The chart is not shown: c shows it."
        await seen.pilot.resize_terminal(60, 10)
        assert why_not("toggle_chart", seen.monitor).startswith("There is no room for chart and log")
        await seen.press("f1")
        await seen.until_shown("Search for a key")
    async with charted() as seen:
        await seen.until_shown("v value")
        await seen.press("u")
        assert not seen.monitor.chart.view.is_many
        assert why_not("many", seen.monitor) == "There is room for one chart only."
