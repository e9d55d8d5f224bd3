import pytest
from textual.widgets._toast import ToastHolder

from tests.servers.fine_tunes import DONE, JOB, STREAM, answer, event, job, stream
from tests.servers.scripted import End
from tests.tui.stage import Stage, stage

pytestmark = pytest.mark.slow

EVENTS = [event(f"Step {step}/90: training loss={9 - step / 10:.1f}", step) for step in range(90)]
SENTENCE = "The list of the events cannot be read (the service answers 503); some may be missing."


LAST = ("Step 2/90: training loss=8.8", " 2  8.80", " 2 8.80")
"""The ends of the row of the third event, in lists of all widths."""

HEIGHTS = (4, 5, 8, 9, 14, 15, 21, 22, 29, 30, 49, 50)


async def shown_at(seen: Stage, width: int) -> dict[int, list[str]]:
    """Return what is shown at each height."""
    shown = {}
    for height in HEIGHTS:
        await seen.pilot.resize_terminal(width, height)
        await seen.pilot.pause()
        shown[height] = seen.rows
    return shown


async def toast(seen: Stage) -> None:
    """Show more toasts than there is room for."""
    for number in range(6):
        seen.monitor.notify(f"{number}: {SENTENCE}", timeout=600)
    await seen.until_shown("0: The")


@pytest.mark.parametrize("width", [20, 40, 80, 140, 180])
async def test_toasts_cover_neither_the_banner_nor_the_last_event(width: int) -> None:
    failed = job("failed", error={"message": "out of memory " * 99})
    over = {JOB: [answer(failed)], STREAM: [stream(*EVENTS, event("Lost", 90), DONE)]}
    async with stage(over) as seen:
        await seen.until(lambda: len(seen.monitor.event_log.all_events) == len(EVENTS) + 1)
        await seen.until(lambda: seen.monitor.drawing.outcome.ending is not None)
        before = await shown_at(seen, width)
        await toast(seen)
        for height, rows in (await shown_at(seen, width)).items():
            last = next(y for y, row in enumerate(before[height]) if row.endswith(" Lost"))
            assert "✘" in "".join(rows[last + 1 :])
            assert rows[last:] == before[height][last:], height
            assert "0: The" in "\n".join(rows)


async def test_toasts_stand_below_the_last_event_while_there_are_few() -> None:
    few = {JOB: [answer(job())], STREAM: [stream(*EVENTS[:3], End.HANG)]}
    async with stage(few) as seen:
        for size in [(80, 24), (40, 10), (20, 5), (20, 8), (180, 30)]:
            await seen.pilot.resize_terminal(*size)
            await seen.pilot.pause()
            seen.monitor.notify(SENTENCE, timeout=600)
            await seen.until_shown("The list")
            await seen.until(lambda: any(row.endswith(LAST) for row in seen.rows))
            seen.app.clear_notifications()
            await seen.monitor.query(ToastHolder).remove()


async def test_toasts_leave_the_newest_event_in_sight_below_a_small_chart() -> None:
    failed = job("failed", error={"message": "out of memory"})
    over = {JOB: [answer(failed)], STREAM: [stream(*EVENTS, event("Lost", 90), DONE)]}
    async with stage(over) as seen:
        await seen.until_shown("✘ The job failed")
        await seen.press("c", *["right_parenthesis"] * 9)
        assert seen.monitor.chart.display
        before = seen.rows
        await toast(seen)
        last = seen.row_of(" Lost")
        assert seen.rows[last:] == before[last:]


async def test_toasts_leave_the_status_in_sight() -> None:
    running = {JOB: [answer(job())], STREAM: [stream(*EVENTS, End.HANG)]}
    async with stage(running) as seen:
        await seen.until(lambda: len(seen.monitor.event_log.all_events) == len(EVENTS))
        before = await shown_at(seen, 100)
        await toast(seen)
        for height, rows in (await shown_at(seen, 100)).items():
            if height >= 15:
                title = next(y for y, row in enumerate(rows) if row.startswith(" events"))
                assert rows[: title + 1] == before[height][: title + 1]
                assert "0: The" in rows[title + 1]
