import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.events import MouseScrollUp
from textual.geometry import Offset
from textual.selection import Selection

from ftmon.tui.log.event_row import Times
from ftmon.tui.widgets.event_log import EventLog
from tests.servers.fine_tunes import DONE, JOB, STREAM, Fields, answer, event, job, stream
from tests.servers.scripted import End
from tests.tui.stage import Stage, stage

pytestmark = pytest.mark.slow

MANY = [event(f"line {number} of many", number % 280) for number in range(300)]
LATER = [event(f"later {number}", 290) for number in range(7)]


@asynccontextmanager
async def log_of(
    *events: Fields, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Stage, EventLog, asyncio.Event]]:
    """Show these events; once the returned event is set, `LATER` follow."""
    go_on = asyncio.Event()
    scripts = {JOB: [answer(job())], STREAM: [stream(*events, go_on, *LATER, End.HANG)]}
    async with stage(scripts, size=size) as seen:
        await seen.until(lambda: len(seen.monitor.event_log.all_events) == len(events))
        await seen.pilot.pause()
        yield seen, seen.monitor.event_log, go_on
        go_on.set()


async def flood(seen: Stage, log: EventLog, go_on: asyncio.Event) -> None:
    before = len(log.all_events)
    go_on.set()
    await seen.until(lambda: len(log.all_events) == before + len(LATER))
    await seen.pilot.pause()


async def test_the_newest_event_is_in_sight_while_following() -> None:
    async with log_of(*MANY) as (seen, log, go_on):
        assert "line 299 of many" in seen.text
        await flood(seen, log, go_on)
        assert "later 6" in seen.text
        assert "↓ following" in seen.text


@pytest.mark.parametrize("key", ["up", "k", "pageup", "home", "g", "shift+up"])
async def test_new_events_never_move_a_list_that_was_scrolled_up(key: str) -> None:
    async with log_of(*MANY) as (seen, log, go_on):
        await seen.press(key, key)
        shown = [row[:60].rstrip() for row in seen.rows[8:20]]
        await flood(seen, log, go_on)
        assert [row[:60].rstrip() for row in seen.rows[8:20]] == shown
        assert "+7 new ↓" in seen.text
        assert "7 new below" in seen.text


@pytest.mark.parametrize("key", ["f", "end", "G"])
async def test_a_key_goes_back_to_the_end_and_follows(key: str) -> None:
    async with log_of(*MANY) as (seen, log, go_on):
        await seen.press("home")
        await flood(seen, log, go_on)
        await seen.press(key)
        assert "later 6" in seen.text
        assert "new ↓" not in seen.text
        assert log.following


async def test_scrolling_down_to_the_end_follows_again() -> None:
    async with log_of(*MANY) as (_, log, _go_on):
        log.focus()
        log.action_scroll_up()
        assert not log.following
        log.action_scroll_down()
        assert log.following


async def test_the_title_tells_which_events_are_in_sight_and_whether_the_last_one_is() -> None:
    async with log_of(*MANY) as (seen, log, go_on):
        await seen.press("home")
        assert f"scrolled up   1–{log.size.height} of 300" in seen.text
        log.go_to(299)
        await seen.until_shown("not following")
        await seen.press("escape")
        assert log.following
        log.go_to(3)
        log.go_to(299)
        await seen.press("up")
        assert "scrolled up" in seen.text
        assert " of 300" in seen.text
        await flood(seen, log, go_on)
        await seen.until_shown("7 new below")


async def test_the_wheel_leaves_follow_mode_and_a_click_on_the_count_resumes_it() -> None:
    async with log_of(*MANY) as (seen, log, go_on):
        for _ in range(3):
            log.post_message(MouseScrollUp(log, 5, 5, 0, -1, 0, False, False, False))
            await seen.pilot.pause()
        assert not log.following
        await flood(seen, log, go_on)
        y = seen.row_of("+7 new")
        await seen.pilot.click(offset=(seen.rows[y].index("+7 new"), y))
        assert log.following
        assert "later 6" in seen.text


async def test_follow_mode_outlives_a_change_of_size() -> None:
    async with log_of(*MANY) as (seen, log, _):
        for size in [(60, 12), (30, 7), (140, 50), (80, 24)]:
            await seen.pilot.resize_terminal(*size)
            await seen.until_shown("line 299")
            assert log.following


async def test_a_list_that_was_scrolled_up_keeps_its_top_over_a_change_of_width() -> None:
    long = [event(f"number {n} " + "many words " * 12, 1) for n in range(100)]
    async with log_of(*long) as (seen, log, _):
        await seen.press("home", *["pagedown"] * 3)
        top = next(row for row in seen.rows[7:] if "number" in row).split("number ")[1].split()[0]
        await seen.pilot.resize_terminal(50, 24)
        await seen.pilot.pause()
        assert not log.following
        assert f"number {top} " in seen.text


async def test_a_long_message_is_wrapped_below_its_beginning_and_read_whole() -> None:
    message = " ".join(f"word{number}" for number in range(40))
    async with log_of(event(message)) as (seen, _, _go_on):
        rows = [row for row in seen.rows if "word" in row]
        assert len(rows) > 3
        assert " ".join(row.split(":")[-1][4:].strip() for row in rows).split()[-39:] == message.split()[-39:]
        assert {len(row) - len(row.lstrip()) for row in rows[1:]} == {13}


@pytest.mark.parametrize("width", range(60, 70))
async def test_no_character_of_a_row_is_hidden_by_the_scroll_bar(width: int) -> None:
    message = "#" * 300
    async with log_of(event(message), size=(width, 24)) as (seen, _, _go_on):
        assert seen.text.count("#") == 300


async def test_line_breaks_are_shown_as_signs_and_a_giant_message_is_cut() -> None:
    async with log_of(event("first\nsecond"), event("x" * 100_000)) as (seen, log, _):
        assert "95,904 more characters; y copies them all" in seen.text
        await seen.press("home")
        assert "first↵second" in seen.text
        assert log.virtual_size.height < 100


async def test_levels_and_turns_of_a_run_have_signs() -> None:
    async with log_of(
        event("hm", 1, level="warning"),
        event("oh", 1, level="error"),
        event("Completed epoch 1/2", 1),
        event("Uploaded model: curie:ft-1", 1),
        event("Fine-tune succeeded", 2),
    ) as (seen, _, _go_on):
        for words in ("▲ hm", "✘ oh", "◆ Completed", "⬆ Uploaded", "✔ Fine-tune succeeded"):
            assert words in seen.text
        assert "▲ 1 warning" in seen.text
        assert "✘ 1 error" in seen.text


async def test_t_switches_between_time_of_day_and_age() -> None:
    async with log_of(event("here", 60), size=(80, 24)) as (seen, log, _):
        row = seen.row_of("here")
        assert ":" in seen.rows[row]
        await seen.press("t")
        assert seen.rows[row].split("here")[0].strip() == "4 minutes ago"
        await seen.press("t")
        assert "ago" not in seen.rows[row]
        assert log.times is Times.ABSOLUTE


async def test_a_wide_list_tells_both_times_and_each_age_once() -> None:
    async with log_of(event("one", 60), event("two", 61), event("three", 200), size=(120, 30)) as (
        seen,
        log,
        _,
    ):
        assert "minutes ago" not in seen.text
        await seen.press("t", "t")
        assert log.times is Times.BOTH
        assert seen.text.count("4 minutes ago") == 1
        assert "4 minutes ago" in seen.rows[seen.row_of("one")]
        assert "a minute ago" in seen.rows[seen.row_of("three")]
        await seen.press("t")
        assert "minutes ago" not in seen.text


async def test_dragging_the_mouse_selects_text_and_ctrl_c_copies_it_without_leaving() -> None:
    async with log_of(event("first words", 1), event("second words", 2)) as (seen, _, _go_on):
        top, bottom = seen.row_of("first"), seen.row_of("second")
        await seen.pilot.mouse_down(offset=(seen.rows[top].index("words"), top))
        await seen.pilot.hover(offset=(seen.rows[bottom].index("words") - 2, bottom))
        await seen.pilot.mouse_up(offset=(seen.rows[bottom].index("words") - 2, bottom))
        await seen.press("ctrl+c")
        copied = seen.app.clipboard.splitlines()
        assert copied[0] == "words"
        assert copied[1].endswith("second")
        assert seen.app.return_code is None


async def test_a_selection_joins_the_rows_of_a_wrapped_message() -> None:
    message = " ".join(f"word{number}" for number in range(40))
    async with log_of(event(message), event("next")) as (seen, log, _):
        seen.app.screen.selections = {log: Selection(Offset(12, 0), Offset(80, log.virtual_size.height - 1))}
        selected = seen.app.screen.get_selected_text()
        assert selected is not None
        assert selected.splitlines()[0] == message
        assert len(selected.splitlines()) == 2


async def test_a_double_click_selects_one_event() -> None:
    async with log_of(*MANY) as (seen, _, _go_on):
        await seen.pilot.click(offset=(20, seen.row_of("line 298 ")), times=2)
        selected = seen.app.screen.get_selected_text()
        assert selected is not None
        assert selected.endswith("line 298 of many")
        assert "\n" not in selected


async def test_y_copies_the_chosen_event_whole_and_else_the_job_id() -> None:
    async with log_of(event("first\nsecond", 1), event("third", 2)) as (seen, log, _):
        await seen.press("y")
        assert seen.app.clipboard == "ft-AF1WoRqd3aJAHsqc9NY7iL8F"
        await seen.press("K", "K")
        assert log.chosen == 0
        await seen.press("y")
        assert seen.app.clipboard.endswith("first\nsecond")
        await seen.press("escape", "y")
        assert seen.app.clipboard == "ft-AF1WoRqd3aJAHsqc9NY7iL8F"


async def test_a_click_chooses_an_event_and_another_one_opens_it() -> None:
    async with log_of(*MANY) as (seen, log, _):
        y = seen.row_of("line 298 ")
        await seen.pilot.click(offset=(20, y))
        assert log.chosen == 298
        # In another column, or the two would be a double click.
        await seen.pilot.click(offset=(30, y))
        await seen.until_shown("esc closes")
        assert '"message": "line 298 of many"' in seen.text


# The chip


LONG = [event(f"number {number} " + "many words " * 9, 1) for number in range(100)]


@pytest.mark.parametrize("width", [20, 33, 40, 60, 80, 95])
async def test_the_chip_cuts_no_word(width: int) -> None:
    async with log_of(*LONG, size=(width, 12)) as (seen, log, go_on):
        await seen.press("home")
        await flood(seen, log, go_on)
        shown = seen.rows[log.region.y : log.region.bottom]
        assert sum(" +7 " in row for row in shown) == 1
        words = " ".join(row.partition(" +7 ")[0] for row in shown).split()
        whole = {word for word in words if word.isalpha()}
        assert whole <= {"number", "many", "words"}
        assert whole


async def test_a_list_without_room_for_the_chip_shows_its_text_whole() -> None:
    async with log_of(*(event("x" * 46, 1) for _ in range(20)), size=(60, 9)) as (seen, log, go_on):
        await seen.press("home")
        await flood(seen, log, go_on)
        rows = seen.rows[log.region.y : log.region.bottom]
        assert [row.split()[-1] for row in rows] == ["x" * 46] * len(rows)


async def test_a_shortened_message_makes_room_for_the_chip() -> None:
    async with log_of(*(event("x" * 90, 1) for _ in range(20)), size=(20, 5)) as (seen, log, go_on):
        await seen.press("home")
        await flood(seen, log, go_on)
        assert [row.strip() for row in seen.rows[2:5]] == [*["x" * 16 + "…"] * 2, "x" * 9 + "…  +7 ↓"]


@pytest.mark.parametrize("size", [(100, 30), (40, 10), (20, 5)], ids=str)
async def test_a_run_that_is_over_has_nothing_to_follow(size: tuple[int, int]) -> None:
    over = {JOB: [answer(job("succeeded"))], STREAM: [stream(*MANY, DONE)]}
    async with stage(over, size=size) as seen:
        await seen.until_shown("✔")
        await seen.until(lambda: len(seen.monitor.event_log.all_events) == len(MANY))
        await seen.press("home")
        assert "follow" not in seen.text
        await seen.press("f")
        assert "line 299" in seen.text


async def test_the_chip_moves_to_a_row_with_room_and_can_be_clicked_there() -> None:
    full, short = event("x" * 29, 1), event("short", 1)
    async with log_of(*[full, short] * 9, full, size=(33, 12)) as (seen, log, go_on):
        await seen.press("home", "down")
        await flood(seen, log, go_on)
        y = seen.row_of("+7 new ↓")
        assert seen.rows[y].strip().startswith("short")
        await seen.pilot.click(offset=(seen.rows[y].index("+7"), y))
        assert log.following
