import threading
from pathlib import Path

import pytest

from ftmon.ending import Ending
from ftmon.lines.announcer import Announcer
from ftmon.lines.follow import follow
from ftmon.model import judge, rhythm
from ftmon.settings import Settings
from ftmon.settings.notification import Notification
from ftmon.watch.watcher import Watcher
from tests.front_end import watch
from tests.servers.fine_tunes import JOB, STREAM, answer, event, job, stream
from tests.servers.scripted import End
from tests.service import JOB_ID, Service
from tests.tui.stage import stage

pytestmark = pytest.mark.slow

STEPS = [event(f"Step {number}/40: training loss=2", 90 + number) for number in range(1, 9)]


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return tmp_path / "told"


@pytest.fixture
def ways(told: Path) -> Notification:
    return Notification(command=("sh", "-c", f"echo $FTMON_EVENT >>'{told}'"))


def has_told(told: Path, words: str) -> bool:
    return told.exists() and told.read_text().split() == words.split()


async def test_the_screen_tells_of_a_service_that_is_away_for_long(
    monkeypatch: pytest.MonkeyPatch, ways: Notification, told: Path
) -> None:
    monkeypatch.setattr(judge, "_LONG_AWAY", 0.1)
    async with stage({JOB: [answer(job())], STREAM: [stream(*STEPS)]}, ways=ways) as seen:
        await seen.until(lambda: has_told(told, "disconnected"))


async def test_the_screen_tells_of_a_run_that_stands_still(
    monkeypatch: pytest.MonkeyPatch, ways: Notification, told: Path
) -> None:
    monkeypatch.setattr(rhythm, "_SHORTEST", 0.1)
    monkeypatch.setattr(rhythm, "_TIMES", 0)
    monkeypatch.setattr(judge, "_NAP", 0.1)
    async with stage({JOB: [answer(job())], STREAM: [stream(*STEPS, End.HANG)]}, ways=ways) as seen:
        await seen.until(lambda: has_told(told, "stalled"))


def test_lines_tell_of_a_run_that_stands_still(
    monkeypatch: pytest.MonkeyPatch, ways: Notification, told: Path
) -> None:
    monkeypatch.setattr(rhythm, "_SHORTEST", 0.1)
    monkeypatch.setattr(rhythm, "_TIMES", 0)
    with Service().running() as service:
        for number in range(1, 9):
            service.tell(f"Step {number}/40: training loss=2", created_at=1769860800 + number)
        watcher = Watcher(Settings(service.base_url))
        ending = Ending()

        def end_once_told() -> None:
            while not told.exists():
                threading.Event().wait(0.02)
            service.end("succeeded")

        threading.Thread(target=end_once_told, daemon=True).start()
        try:
            announcer = Announcer(ways, ())
            assert follow(watcher, watch(watcher, JOB_ID), ending, announcer, as_json=True) == 0
        finally:
            watcher.close()
    assert has_told(told, "stalled finished")
