import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ftmon.local.run_directory import OUTPUT, End, RunDirectory, Start, now
from ftmon.model.key import LOCAL, JobKey
from tests.command import KEY
from tests.records import STORED, record, told
from tests.servers.fine_tunes import JOB, JOB_ID, STORY, STREAM, answer, job, stream
from tests.servers.scripted import End as ScriptEnd
from tests.tui.stage import JOBS, stage

pytestmark = pytest.mark.slow

SERVICE = {
    JOBS: [answer({"data": [job()]})],
    JOB: [answer(job())],
    STREAM: [stream(*STORY[:4], ScriptEnd.HANG)],
}


class Training(NamedTuple):
    """A run that goes on until its output is closed."""

    directory: RunDirectory
    output: int

    def print(self, line: str) -> None:
        os.write(self.output, f"{line}\n".encode())

    def end(self, status: int) -> None:
        self.directory.write_end(End(status, False, now()))
        os.close(self.output)


@pytest.fixture
def training(data_home: Path) -> Iterator[Training]:
    directory, output = RunDirectory.create(data_home / "ftmon" / "runs", "mine", now(), OUTPUT)
    yield Training(directory, output)
    if directory.end is None:
        os.close(output)


async def test_a_run_of_this_machine_is_picked_and_followed_and_the_service_s_jobs_are_near(
    training: Training, tmp_path: Path
) -> None:
    training.directory.write_start(Start(("python3", "my train.py", "--token", KEY), "/home/me/here"))
    training.print("step 1 | loss: 2.5")
    async with stage(SERVICE, job_id=None, history=tmp_path / "history", size=(100, 36)) as seen:
        await seen.until_shown("1 job listed by the service, 1 run on this machine")
        assert "▶ running" in seen.rows[seen.row_of("mine")]
        await seen.press(*"mine", "enter")
        await seen.until_shown("step 1 | loss: 2.5")
        await seen.until_shown("● live")
        training.print("step 2 | loss: 1.25")
        await seen.until_shown("train 2.50 → 1.25")
        await seen.press("i")
        await seen.until_shown("ftmon logs mine")
        for words in ("python3 'my train.py' --token [key]", "/home/me/here", "mine/output.log"):
            assert words in seen.text
        await seen.press("escape")
        training.end(1)
        await seen.until_shown("✘ The job failed")
        assert "exit status 1" in seen.text
        # Its output has no times, and its end has.
        assert re.match(r" ~\d\d:\d\d:\d\d .*step 1 ", seen.rows[seen.row_of("step 1 |")])
        assert re.match(r"  \d\d:\d\d:\d\d .*Fine-tune failed", seen.rows[seen.row_of("Fine-tune failed")])
        await seen.press("t")
        assert "~now" in seen.text
        await seen.press("i")
        await seen.until_shown("times       with ~ before them they are estimated")
        assert "service     ftmon's own: the run is on this machine" in seen.text
        assert "prompt loss weight" not in seen.text
        await seen.press("escape")
        await seen.press("o")
        await seen.until_shown("1 job listed by the service, 1 run on this machine, 1 run recorded here")
        await seen.press(*JOB_ID, "enter")
        await seen.until_shown("Fine-tune started")
        await seen.press("o")
        await seen.until_shown("1 run on this machine")
        assert "✘ failed" in seen.rows[seen.row_of("mine")]


async def test_a_recorded_run_whose_directory_is_gone_is_shown_as_it_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "history"
    record(path, told(STORED[0], key=JobKey(LOCAL, "gone-1a2b3c4d")))
    async with stage(SERVICE, job_id=None, history=path, size=(100, 30)) as seen:
        await seen.press("escape")
        seen.monitor.open_job(JobKey(LOCAL, "gone-1a2b3c4d"))
        await seen.until_shown("■ recorded")
