import pytest
from textual.binding import Binding

from ftmon.tui.app import FtmonApp
from ftmon.tui.keys import GROUPS
from ftmon.tui.screens.monitor import MonitorScreen
from ftmon.tui.theme import DARK, LIGHT
from ftmon.tui.widgets.event_log import EventLog
from ftmon.tui.widgets.log_pane import LogPane
from ftmon.tui.widgets.loss_chart import LossChart
from ftmon.tui.widgets.panes import Panes
from tests.servers.fine_tunes import JOB, STORY, STREAM, answer, event, job, stream
from tests.servers.scripted import End
from tests.tui.stage import Stage, stage

STEPS = [event(f"Step {step}/40: training loss={4 - step / 10}", 100 + step) for step in range(1, 41)]
RUNNING = {JOB: [answer(job())], STREAM: [stream(*STORY[:4], *STEPS, End.HANG)]}

HOLDERS = (EventLog, LogPane, LossChart, Panes, MonitorScreen, FtmonApp)


def test_every_key_is_in_the_help_and_the_palette() -> None:
    bound = [binding for holder in HOLDERS for binding in Binding.make_bindings(holder.BINDINGS)]
    listed = [binding_id for ids in GROUPS.values() for binding_id in ids]
    assert {binding.id for binding in bound} == {*listed, "quit.always"}
    assert len(set(listed)) == len(listed)
    assert all(binding.tooltip for binding in bound)


def column_of(seen: Stage, words: str) -> int:
    return seen.rows[seen.row_of(words)].index(words)


@pytest.mark.slow
async def test_the_help_has_a_second_column_where_there_is_room_and_typing_narrows_it() -> None:
    async with stage(RUNNING, size=(140, 40)) as seen:
        await seen.press("question_mark")
        await seen.until_shown("Go to the last event and follow")
        assert column_of(seen, "Show or hide the loss chart") > column_of(seen, "Search, or go to a step")
        await seen.pilot.resize_terminal(80, 24)
        await seen.press(*"next mark")
        await seen.until(lambda: "Go to the last event" not in seen.text)
        assert "'" in seen.rows[seen.row_of("Go to the next mark")]
        await seen.press(*"xyz")
        await seen.until_shown("Nothing has these words.")
        await seen.press("escape", *"notif")
        await seen.until_shown("^p notif")
        await seen.press("escape")
        await seen.until_shown("Go to the last event and follow")
        await seen.press("pagedown", "pagedown", "pageup", "down", "escape")
        assert "Help" not in seen.text


@pytest.mark.slow
async def test_a_command_is_found_by_words_or_by_its_key_and_run() -> None:
    async with stage(RUNNING, size=(80, 24)) as seen:
        await seen.until_shown("Step 40/40")
        assert "f follow ✓ c chart   " in seen.rows[-1]
        before = seen.rows[-1].index("⏎")
        await seen.press("ctrl+p", "c", "enter")
        await seen.until_shown("⠤⠤ train")
        assert "f follow ✓ c chart ✓ " in seen.rows[-1]
        assert seen.rows[-1].index("⏎") == before
        await seen.press("ctrl+p", *"fewer steps", "enter")
        await seen.until_shown("every 2nd step")
        await seen.press("ctrl+p", *"no such words", "enter")
        await seen.until_shown("Nothing has these words.")


@pytest.mark.slow
async def test_a_theme_is_shown_while_it_is_chosen() -> None:
    async with stage(RUNNING) as seen:
        await seen.press("d", "down")
        await seen.until_shown("dark ✓")
        await seen.until(lambda: seen.app.theme == LIGHT.name)
        await seen.press("escape")
        await seen.until(lambda: seen.app.theme == DARK.name)
        await seen.press("d", *"light", "enter")
        await seen.until(lambda: seen.app.screen is seen.monitor)
        assert seen.app.theme == LIGHT.name
