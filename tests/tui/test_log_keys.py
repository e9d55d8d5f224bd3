import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual import events
from textual.keys import key_to_character

from ftmon.tui.widgets.event_log import EventLog
from tests.servers.fine_tunes import JOB, JOB_ID, STREAM, Fields, answer, event, job, stream
from tests.servers.scripted import End
from tests.tui.stage import Stage, stage

pytestmark = pytest.mark.slow


def step(number: int) -> Fields:
    if number % 50 == 0:
        return event(f"Completed epoch {number // 50}/6", number)
    return event(f"Step {number}/300: training loss={3 - number / 150:.3f}", number)


STEPS = [step(number) for number in range(1, 201)]
LATER = [step(number) for number in range(201, 251)]


@asynccontextmanager
async def log_of(
    *told: Fields, size: tuple[int, int] = (100, 24)
) -> AsyncIterator[tuple[Stage, EventLog, asyncio.Event]]:
    """Show these events; once the returned event is set, `LATER` follow."""
    go_on = asyncio.Event()
    scripts = {JOB: [answer(job())], STREAM: [stream(*told, go_on, *LATER, End.HANG)]}
    async with stage(scripts, size=size) as seen:
        await seen.until(lambda: len(seen.monitor.event_log.all_events) == len(told))
        await seen.pilot.pause()
        yield seen, seen.monitor.event_log, go_on
        go_on.set()


async def type_into(seen: Stage, key: str, text: str) -> None:
    await seen.press(key)
    for letter in text:
        await seen.pilot.press("space" if letter == " " else letter)
    await seen.press("enter")


def link_to_nowhere(name: str) -> None:
    Path(name).symlink_to("nowhere")


def lines_of(name: str) -> list[str]:
    return Path(name).read_text().splitlines()


def names_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


@pytest.fixture
def tmux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., object]]:
    """Start tmux, and run the test as if inside it. The value runs a command of tmux."""
    socket = tmp_path / "tmux"

    def run(*words: str) -> None:
        subprocess.run(["tmux", "-f", "/dev/null", "-S", str(socket), *words], check=True, timeout=60)

    monkeypatch.delenv("TMUX", raising=False)
    run("new-session", "-d")
    monkeypatch.setenv("TMUX", f"{socket},{os.getpid()},0")
    yield run
    run("kill-server")


def message(log: EventLog) -> str:
    assert log.chosen_event is not None
    return log.chosen_event.message


async def test_a_filter_shows_what_passes_and_follow_mode_outlives_it() -> None:
    async with log_of(*STEPS) as (seen, log, go_on):
        await type_into(seen, "ampersand", "epoch")
        await seen.until_shown("filter: epoch   4 of 200")
        assert "Step" not in "\n".join(seen.rows[7:-1])
        assert log.following
        go_on.set()
        await seen.until_shown("filter: epoch   5 of 250")
        assert "Completed epoch 5/6" in seen.text
        assert log.following
        await seen.press("escape")
        await seen.until_shown("Step 249/300")
        assert "filter" not in seen.rows[6]
        assert log.following


async def test_what_is_typed_is_tried_out_at_once_and_escape_takes_it_back() -> None:
    async with log_of(*STEPS, size=(100, 36)) as (seen, log, _go_on):
        await seen.press("tab")
        assert seen.monitor.chart.has_focus
        await seen.press("ampersand", *"epoch")
        await seen.until_shown("filter: epoch   4 of 200")
        await seen.press("escape")
        await seen.until_shown("Step 199/300")
        assert "filter: " not in seen.text
        assert log.following
        await seen.press("slash", *"103")
        await seen.until(lambda: log.chosen is not None)
        await seen.press("escape")
        await seen.until(lambda: log.chosen is None)
        assert log.following
        await seen.press("slash", "slash", *"epoch", "space", *"[12]", "slash")
        await seen.until_shown("search: /epoch [12]/   2 of 2")
        assert message(log) == "Completed epoch 2/6"
        await seen.press("backspace", "x", "slash")
        await seen.until_shown("search: /epoch [12]x/   0 found")
        assert log.following
        await seen.press("backspace", "backspace", "slash", "enter")
        await seen.until_shown("search: /epoch [12]/   2 of 2")


async def test_a_filter_that_nothing_passes_says_so_and_can_be_changed() -> None:
    async with log_of(*STEPS, size=(60, 12)) as (seen, _, _go_on):
        await type_into(seen, "ampersand", "nothing")
        await seen.until_shown("No event passes the filter.")
        assert "filter: nothing   0 of 200" in seen.text
        await seen.press("ampersand", "ctrl+u")
        await type_into(seen, "end", "!loss")
        await seen.until_shown("filter: !loss   4 of 200")


async def test_a_list_that_was_scrolled_up_stays_at_its_event_while_it_is_filtered() -> None:
    async with log_of(*STEPS) as (seen, log, _):
        await type_into(seen, "slash", "103")
        assert message(log).startswith("Step 103/300")
        await type_into(seen, "ampersand", "loss=2")
        await seen.until_shown("filter: loss=2")
        assert "Step 103/300" in seen.text
        assert message(log).startswith("Step 103/300")
        assert "step 103 · " in seen.text


async def test_what_is_no_regex_is_told_and_can_be_mended() -> None:
    async with log_of(*STEPS) as (seen, log, _):
        await type_into(seen, "slash", "/loss=(/")
        await seen.until_shown("This is no regex: missing )")
        await seen.press("escape")
        assert "no regex" not in seen.text
        assert log.has_focus
        assert "search" not in seen.rows[6]


async def test_keys_that_come_at_once_are_handled_one_after_the_other() -> None:
    async with log_of(*STEPS) as (seen, log, _):
        # A prompt that is left, one that is answered, a mark, a dialog that is left, one that opens another.
        asked = ["slash", *"xy", "escape", "slash", *"120", "enter", "m"]
        for key in [*asked, *"oq", "escape", "ctrl+p", *"keys", "enter", *"xy"]:
            seen.app.post_message(events.Key(key, key_to_character(key)))
        await seen.until(lambda: "xy" in seen.text and "esc closes" in seen.text)
        assert log.finder.marks == [log.here]
        assert message(log).startswith("Step 120/300")


async def test_a_regex_that_never_ends_is_ended_and_keys_go_on() -> None:
    async with log_of(*STEPS, event("a" * 60 + "b", 201)) as (seen, log, _):
        await type_into(seen, "ampersand", "/(a+)+$/")
        await seen.until_shown("This regex takes too long.")
        assert log.following
        await type_into(seen, "slash", "/(a+)+$/")
        await seen.until(lambda: log.finder.pattern is None)
        await seen.press("home")
        assert "Step 1/300" in seen.text


async def test_a_search_goes_to_what_it_finds_and_round() -> None:
    async with log_of(*STEPS) as (seen, log, go_on):
        await type_into(seen, "slash", "epoch")
        await seen.until_shown("search: epoch   4 of 4")
        assert message(log) == "Completed epoch 4/6"
        await seen.press("N")
        assert message(log) == "Completed epoch 3/6"
        assert "search: epoch   3 of 4" in seen.text
        await seen.press("n", "n")
        assert message(log) == "Completed epoch 1/6"
        assert "search: epoch   1 of 4, from the top" in seen.text
        await seen.press("N")
        assert "search: epoch   4 of 4, from the end" in seen.text
        await seen.press("n")
        go_on.set()
        await seen.until_shown("search: epoch   1 of 5")
        await type_into(seen, "slash", "not there")
        await seen.until_shown("No event has not there.")
        await seen.press("escape", "escape")
        assert "search" not in seen.rows[6]


async def test_the_words_that_were_searched_for_stand_out() -> None:
    async with log_of(event("before " * 14 + "needle after"), event("needle"), size=(60, 20)) as (
        seen,
        log,
        _,
    ):
        await type_into(seen, "slash", "needle")
        await seen.until_shown("of 2")
        await seen.press("escape")
        hit = log._style("hit")
        found = [
            segment.text
            for y in range(log.size.height)
            for segment in log.render_line(y)
            if segment.style and segment.style.bgcolor == hit.bgcolor
        ]
        assert found == ["needle", "needle"]


async def test_keys_go_to_milestones_minutes_times_and_marks() -> None:
    async with log_of(*STEPS) as (seen, log, _):
        await seen.press("left_square_bracket")
        assert message(log) == "Completed epoch 3/6"
        await seen.press("m", "left_square_bracket", "left_square_bracket", "m")
        assert message(log) == "Completed epoch 1/6"
        assert "2 marks" in seen.text
        assert "◆▌Completed epoch 1/6" in seen.text
        await seen.press("apostrophe")
        assert message(log) == "Completed epoch 3/6"
        await seen.press("apostrophe", "right_square_bracket")
        assert message(log) == "Completed epoch 2/6"
        await seen.press("right_curly_bracket")
        assert message(log).startswith("Step 160/300")
        await seen.press("left_curly_bracket", "left_curly_bracket")
        assert message(log).startswith("Step 40/300")
        assert log.chosen_event is not None
        assert log.chosen_event.created_at is not None
        await type_into(seen, "T", log.chosen_event.created_at.astimezone().strftime("%H:%M:%S"))
        assert message(log).startswith("Step 40/300")
        await type_into(seen, "T", "soon")
        await seen.until_shown("Type a time such as")


async def test_h_thins_the_steps_leaves_them_out_and_shows_them_again() -> None:
    async with log_of(*STEPS) as (seen, _, go_on):
        await seen.press("h")
        await seen.until_shown("every 5th step   40 of 200")
        assert "Step 195/300" in seen.text
        assert "Step 194/300" not in seen.text
        go_on.set()
        await seen.until_shown("every 5th step   50 of 250")
        await seen.press("h")
        await seen.until_shown("no steps   5 of 250")
        await seen.press("h")
        await seen.until_shown("Step 249/300")


async def test_enter_shows_an_event_with_its_json_and_its_figures() -> None:
    data = {"step": 7, "train_loss": 0.25, "note": "[b]\x1b[31mred\x1b[0m sk-abcdefghijklmnop"}
    shown = event("Step 7: training loss=0.25\nnext line", type="metrics", data=data)
    async with log_of(shown, size=(80, 30)) as (seen, _, _go_on):
        await seen.press("enter")
        await seen.until_shown("esc closes")
        for words in ("train loss  0.25", '"type": "metrics"', "[b]red [key]", "next line"):
            assert words in seen.text
        await seen.press("Y")
        await seen.until(lambda: seen.app.clipboard.startswith("{"))
        copied = json.loads(seen.app.clipboard)
        assert copied["data"] == {**data, "note": "[b]red [key]"}
        await seen.press("y")
        await seen.until(lambda: seen.app.clipboard.endswith("next line"))
        await seen.press("escape")
        assert "esc closes" not in seen.text


@pytest.mark.parametrize("size", [(40, 10), (20, 5)], ids=str)
async def test_filter_prompt_and_event_have_room_in_a_small_pane(size: tuple[int, int]) -> None:
    async with log_of(*STEPS, size=size) as (seen, _, _go_on):
        await seen.press("ampersand", "e", "p")
        assert "&ep" in seen.text
        await seen.press("enter")
        await seen.until_shown("filter: ep")
        assert "epoch 4/6" in seen.text
        await seen.press("enter")
        await seen.until_shown("info")
        assert "filter" not in seen.text


async def test_what_is_shown_is_saved_in_the_format_of_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    formula = event("=1+1\nnext", 5, level="warning", data={"step": 3})
    async with log_of(*STEPS, formula) as (seen, _, _go_on):
        await type_into(seen, "ampersand", "!step")
        await seen.until_shown("5 of 201")
        await seen.press("s", "enter")
        await seen.until_shown("Saved 5 events in")
        text = lines_of(f"{JOB_ID}.txt")
        assert len(text) == 6
        assert text[-2:] == [text[-2][:21] + "warning: =1+1", " " * 21 + "next"]
        await seen.press("s", "enter")
        await seen.until_shown("exists. Enter once more overwrites it.")
        await seen.press("escape")
        for name in ("a.jsonl", "a.csv"):
            await seen.press("s", "ctrl+u")
            await type_into(seen, "end", name)
            await seen.until(Path(name).exists)
        lines = [json.loads(line) for line in lines_of("a.jsonl")]
        assert lines[-1]["message"] == "=1+1\nnext"
        assert lines_of("a.csv")[0] == "created_at,level,type,id,message,data"
        assert "'=1+1" in lines_of("a.csv")[-2]
        await seen.press("s", "ctrl+u")
        await type_into(seen, "end", "no/such/place.txt")
        await seen.until_shown("There is no directory")
        link_to_nowhere("link.txt")
        await seen.press("ctrl+u")
        await type_into(seen, "end", "link.txt")
        await seen.until_shown("link.txt exists. Enter once more overwrites it.")
        assert names_in(tmp_path) == {"a.csv", "a.jsonl", "link.txt", f"{JOB_ID}.txt"}


async def test_lines_that_are_not_wrapped_scroll_sideways() -> None:
    async with log_of(event("word " * 60 + "end"), *STEPS[:3], size=(80, 24)) as (seen, log, _):
        height = log.virtual_size.height
        await seen.press("w")
        assert log.virtual_size.height == 4 < height
        assert "›" in seen.text
        await seen.press(*["right"] * 12)
        assert "word end" in seen.text
        await seen.press("w")
        assert log.virtual_size.height == height


async def test_lines_that_all_fit_leave_the_arrows_to_the_chart() -> None:
    async with log_of(*STEPS, size=(100, 30)) as (seen, _, _go_on):
        await seen.press("w", "left")
        assert seen.monitor.chart.view.cursor is not None


@pytest.mark.parametrize(("option", "warns"), [("external", True), ("on", False)])
async def test_a_copy_in_tmux_says_where_it_ends(
    option: str, warns: bool, tmux: Callable[..., object]
) -> None:
    tmux("set-option", "-s", "set-clipboard", option)
    async with log_of(*STEPS) as (seen, _, _go_on):
        await seen.press("y")
        await seen.until_shown("Sent the job id to the terminal's clipboard")
        assert ("set-clipboard" in seen.text) is warns
