import json
from collections.abc import Iterator
from typing import Any

import pytest
from textual.content import Content
from textual.widget import Widget
from textual.widgets._toast import Toast

from ftmon.tui.widgets.job_list import JobList
from ftmon.tui.widgets.outcome import Outcome
from tests.servers.fine_tunes import DONE, JOB, JOB_ID, STREAM, answer, event, job, refusal, stream
from tests.servers.scripted import End
from tests.tui.stage import JOBS, Stage, stage

pytestmark = pytest.mark.slow

LONG = "out of memory " * 150_000 + "again"
"""2 MB."""

BOUND = 10_000
"""Characters. Textual lays out so many in a few milliseconds."""


def laid_out(seen: Stage) -> Iterator[str]:
    """Yield each text that a widget of the screen lays out."""
    for widget in seen.app.screen.walk_children():
        if isinstance(widget, JobList):
            yield from (text for row in widget.shown for text, _ in widget.pieces(row.value, BOUND))
            yield from (row.words for row in widget.shown)
        if isinstance(widget, Toast):
            yield widget._notification.message
        if isinstance(widget, Outcome) and widget.ending is not None:
            yield widget.ending.detail
        content = widget.render() if isinstance(widget, Widget) else None
        if isinstance(content, Content):
            yield content.plain


def check_bounded(seen: Stage) -> None:
    assert max(map(len, laid_out(seen))) < BOUND


SIZES = pytest.mark.parametrize("size", [(140, 40), (40, 10)], ids=str)


@SIZES
async def test_a_giant_error_of_the_job_is_cut_in_the_banner(size: tuple[int, int]) -> None:
    failed = job("failed", error={"message": LONG})
    async with stage({JOB: [answer(failed)], STREAM: [stream(event("here"), DONE)]}, size=size) as seen:
        await seen.until_shown("out of memory out of memory")
        assert "✘" in seen.text
        check_bounded(seen)
        assert seen.monitor.run is not None
        assert seen.monitor.run.failure == LONG


@SIZES
async def test_giant_names_and_words_of_the_job_are_cut(size: tuple[int, int]) -> None:
    scripts: dict[str, Any] = {
        JOB: [answer(job(LONG, model=LONG, fine_tuned_model=LONG))],
        STREAM: [stream(event(LONG), event(LONG, level="error"), event(f"Fine-tune {LONG}"), End.HANG)],
    }
    async with stage(scripts, size=size) as seen:
        # A narrow list shortens messages.
        await seen.until_shown("y copies them all" if size[0] > 40 else "…")
        await seen.until(lambda: seen.monitor.run is not None and seen.monitor.run.events == 3)
        check_bounded(seen)
        status = seen.monitor.drawing.status
        assert all(len(part.text) < BOUND for part in (*status._left, *status._right))


async def test_a_giant_name_of_a_model_that_succeeded_is_cut_in_the_banner() -> None:
    over = job("succeeded", fine_tuned_model=LONG)
    async with stage({JOB: [answer(over)], STREAM: [stream(event("here"), DONE)]}) as seen:
        await seen.until_shown("✔ The job succeeded")
        check_bounded(seen)


async def test_a_giant_name_in_the_list_of_jobs_is_cut() -> None:
    data = [job(model=LONG), {**job(LONG), "id": f"{JOB_ID}2"}]
    async with stage({JOBS: [answer({"object": "list", "data": data})]}, job_id=None, size=(120, 40)) as seen:
        await seen.until_shown("2 jobs listed by the service")
        check_bounded(seen)


async def test_long_errors_of_the_service_are_cut_in_the_toasts() -> None:
    error = b"event: error\ndata: " + json.dumps({"error": LONG}).encode() + b"\n\n"
    scripts: dict[str, Any] = {
        JOB: [answer(job())],
        STREAM: [stream(event("here"), error, End.HANG)],
        f"{JOB}/cancel": [refusal(403, LONG[:2000])],
    }
    async with stage(scripts, size=(120, 40)) as seen:
        await seen.until_shown("The service told of an error: out of memory")
        await seen.press("x", "y")
        await seen.until_shown("The job was not cancelled.")
        check_bounded(seen)
        assert any(
            text.startswith("The job was not cancelled.") and text[-1] == "…" for text in laid_out(seen)
        )
