import html
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ftmon.model.key import JobKey
from tests.servers.fine_tunes import DONE, answer, chunk, head
from tests.servers.scripted import End, Script
from tests.tui.stage import stage

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
SAMPLES = Path(__file__).parents[1] / "samples"

RECORDED_JOB = json.loads((SAMPLES / "demo_job.json").read_text())
FRAMES = [f"{frame}\n\n".encode() for frame in (SAMPLES / "demo_run.sse").read_text().split("\n\n")[:-2]]
JOB_ID = RECORDED_JOB["id"]
JOB = f"/v1/fine-tunes/{JOB_ID}"


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def _played(count: int, *, is_over: bool) -> dict[str, list[Script]]:
    job = RECORDED_JOB if is_over else {**RECORDED_JOB, "status": "running", "fine_tuned_model": None}
    end = [chunk(DONE), b"0\r\n\r\n"] if is_over else [End.HANG]
    body = b"".join(FRAMES[:count])
    return {
        JOB: [answer(job)],
        f"{JOB}/events?stream=true": [[head(Transfer_Encoding="chunked"), chunk(body), *end]],
    }


def _told(svg: str) -> list[str]:
    """Return the texts of a picture, row by row."""
    rows: dict[float, str] = {}
    for y, text in re.findall(r'<text class="[^"]*" x="[^"]*" y="([^"]*)"[^>]*>([^<]*)</text>', svg):
        rows[float(y)] = rows.get(float(y), "") + html.unescape(text)
    return [rows[y].replace("\xa0", " ").rstrip() for y in sorted(rows)]


@pytest.mark.parametrize(
    ("name", "size", "count", "is_over"),
    [
        ("running", (110, 32), 160, False),
        ("succeeded", (110, 32), len(FRAMES), True),
        ("narrow", (40, 10), 160, False),
    ],
)
async def test_the_screen_looks_as_in_its_picture(
    name: str, size: tuple[int, int], count: int, is_over: bool, request: pytest.FixtureRequest
) -> None:
    last = json.loads(FRAMES[count - 1].removeprefix(b"data: "))["created_at"]
    now = datetime.fromtimestamp(last, UTC) + timedelta(seconds=2)
    async with stage(_played(count, is_over=is_over), size=size, job_id=JOB_ID, now=now) as seen:
        await seen.until(lambda: seen.monitor.run is not None and seen.monitor.run.events == count)
        await seen.until_shown("✔ The job succeeded" if is_over else "running")
        await seen.pilot.pause()
        svg = seen.app.export_screenshot(title="ftmon")
    _compare(svg, name, request)


async def test_a_recorded_run_looks_as_in_its_picture(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    history = tmp_path / "history.sqlite3"
    last = json.loads(FRAMES[-1].removeprefix(b"data: "))["created_at"]
    now = datetime.fromtimestamp(last, UTC) + timedelta(hours=3)
    async with stage(_played(len(FRAMES), is_over=True), job_id=JOB_ID, history=history) as seen:
        await seen.until_shown("✔ The job succeeded")
        key = JobKey(f"{seen.server.origin}/v1", JOB_ID)
    async with stage({}, size=(110, 26), job_id=None, history=history, now=now) as seen:
        await seen.press("escape")
        seen.monitor.open_job(key)
        await seen.until_shown("■ recorded")
        await seen.press("c")
        svg = seen.app.export_screenshot(title="ftmon")
    _compare(svg, "recorded", request)


def _compare(svg: str, name: str, request: pytest.FixtureRequest) -> None:
    path = SCREENSHOTS / f"{name}.svg"
    if request.config.getoption("--screenshots"):
        path.write_text(svg)
    assert _told(svg) == _told(path.read_text())
    assert _told(svg)
