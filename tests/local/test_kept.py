import os
import signal
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ftmon.errors import UsageError
from ftmon.local.entry import Outcome
from ftmon.local.growing_file import open_regular
from ftmon.local.kept import KeptRun, KeptRuns
from ftmon.local.publication import Publication
from ftmon.local.run_directory import EVENTS, OUTPUT, End, RunDirectory
from ftmon.local.verdict import Standing, Verdict
from ftmon.model.job import Status

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def made(home: Path) -> tuple[RunDirectory, KeptRun]:
    """Return a run that nobody writes any more, and that tells no end."""
    directory, output = RunDirectory.create(home, "mine", NOW, OUTPUT)
    os.close(output)
    return directory, KeptRun(directory, NOW)


def messages(run: KeptRun, now: datetime = NOW) -> list[str]:
    return [told.entry.message for news in run.poll(now) for told in news.told]


def verdict(run: KeptRun, now: datetime = NOW) -> Verdict:
    return run.verdict(run.run, now)


def test_a_run_runs_as_long_as_somebody_can_write(tmp_path: Path) -> None:
    directory, output = RunDirectory.create(tmp_path, "mine", NOW, OUTPUT)
    run = KeptRun(directory, NOW)
    messages(run)
    assert verdict(run).standing is Standing.RUNNING
    os.close(output)
    messages(run)
    assert verdict(run).standing is Standing.ENDED


def test_a_run_that_nothing_keeps_any_more_has_ended_without_a_word(tmp_path: Path) -> None:
    directory, run = made(tmp_path)
    (directory.path / OUTPUT).write_text("one\n")
    assert messages(run) == ["one"]
    assert verdict(run).standing is Standing.ENDED


def test_what_is_written_before_the_end_is_told_before_it(tmp_path: Path) -> None:
    directory, run = made(tmp_path)
    (directory.path / OUTPUT).write_text("one\nRuntimeError: out of luck\n")
    directory.write_end(End(1, False, NOW))
    assert messages(run) == ["one", "RuntimeError: out of luck"]
    failed = Outcome(Status.FAILED, "exit status 1: RuntimeError: out of luck")
    assert verdict(run) == Verdict(Standing.OVER, failed, NOW)


def test_a_time_that_a_line_begins_with_counts_unless_it_is_before_the_run(tmp_path: Path) -> None:
    directory, run = made(tmp_path)
    times = [NOW + timedelta(seconds=5), NOW - timedelta(hours=9), datetime.now(UTC) - timedelta(minutes=10)]
    written = datetime.now(UTC) - timedelta(hours=1)
    output = directory.path / OUTPUT
    output.write_text("".join(f"{time:%Y-%m-%dT%H:%M:%SZ} step 1 done\n" for time in times))
    os.utime(output, (written.timestamp(), written.timestamp()))
    told = [told for news in run.poll(datetime.now(UTC)) for told in news.told]
    assert [(each.at, each.is_estimated) for each in told] == [
        (times[0], False),
        (written, True),
        (times[2].replace(microsecond=0), False),
    ]


def test_a_line_that_waits_for_more_is_told_before_the_end(tmp_path: Path) -> None:
    directory, run = made(tmp_path)
    line = "{'loss': 1.5, 'epoch': 0.5}"
    (directory.path / OUTPUT).write_text(f"\r 50%|##   | 1/2 [00:01<00:01]\r   \r{line}\n")
    directory.write_end(End(0, False, NOW))
    assert messages(run) == [line]
    assert verdict(run).standing is Standing.OVER


def test_lines_that_are_read_after_the_end_are_no_later_than_it(tmp_path: Path) -> None:
    directory, run = made(tmp_path)
    (directory.path / OUTPUT).write_text("one\n")
    end = End(0, False, datetime.now(UTC))
    directory.write_end(end)
    [told] = [told for news in run.poll(end.at + timedelta(minutes=1)) for told in news.told]
    assert told.is_estimated
    assert told.at <= end.at


def test_a_cancelled_run_is_cancelled_whatever_its_status(tmp_path: Path) -> None:
    directory, run = made(tmp_path)
    directory.write_end(End(0, True, NOW))
    messages(run)
    assert verdict(run) == Verdict(Standing.OVER, Outcome(Status.CANCELLED), NOW)


@pytest.mark.parametrize(
    ("status", "outcome"), [(-signal.SIGINT, Status.CANCELLED), (1, Status.CANCELLED), (0, Status.SUCCEEDED)]
)
def test_a_training_that_says_that_it_was_interrupted_was_cancelled_unless_it_succeeds(
    tmp_path: Path, status: int, outcome: Status
) -> None:
    directory, run = made(tmp_path)
    (directory.path / EVENTS).write_text('{"status": "cancelled"}\n')
    directory.write_end(End(status, False, NOW))
    messages(run)
    assert verdict(run).outcome == Outcome(outcome)


def test_a_published_run_ends_as_it_says(tmp_path: Path) -> None:
    publication = Publication("mine", tmp_path, 3)
    directory = RunDirectory(tmp_path / publication.id)
    run = KeptRun(directory, NOW)
    publication.log(step=1, loss=2.5)
    assert messages(run) == ["Step 1/3: training loss=2.5"]
    assert verdict(run).standing is Standing.RUNNING
    publication.finish("failed", "ValueError: x")
    messages(run)
    ended = verdict(run)
    assert ended.outcome == Outcome(Status.FAILED, "ValueError: x")
    # As it was written, whenever that is read.
    assert ended.at is not None
    assert ended.at > NOW


@pytest.mark.parametrize("what", ["link", "pipe", "directory", "garbage", "gone"])
def test_a_directory_that_was_tampered_with_tells_nothing_of_others_and_is_no_bug(
    tmp_path: Path, what: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("step 1 | loss: 2.5\nsecret\n")
    directory, run = made(tmp_path / "runs")
    for name in ("output.log", "events.jsonl", "run.json", "end.json", "keeper.sock", ".end.json.new"):
        path = directory.path / name
        path.unlink(missing_ok=True)
        match what:
            case "link":
                path.symlink_to(secret)
            case "pipe":
                os.mkfifo(path)
            case "directory":
                path.mkdir()
            case "garbage":
                path.write_bytes(b"\xff\x00{" * 1000)
            case "gone":
                pass
    told = messages(run)
    assert not any("secret" in message or "loss" in message for message in told)
    assert verdict(run).standing is Standing.ENDED
    assert run.cancel(run.run) == "Nothing keeps this run any more that could cancel it."
    assert directory.started_at is None
    assert list(KeptRuns(tmp_path / "runs").poll(NOW)) == []
    if what != "gone":
        with suppress(OSError):
            directory.write_end(End(0, False, NOW))
    if what in ("link", "pipe", "directory"):
        with pytest.raises(OSError, match=str(tmp_path)):
            directory.open_locked(OUTPUT)
        with pytest.raises(UsageError, match=r"output\.log"):
            open_regular(directory.output, follow_links=False)
    assert secret.read_text() == "step 1 | loss: 2.5\nsecret\n"


def test_a_point_that_a_command_prints_and_publishes_is_told_once(tmp_path: Path) -> None:
    directory, run = made(tmp_path)
    (directory.path / OUTPUT).write_text("Loading\nstep 1 | loss: 2.5 | dt: 10ms\n")
    (directory.path / "events.jsonl").write_text('{"step": 1, "loss": 2.5, "time": "2026-05-01T12:00:00Z"}\n')
    told = [each.entry for news in run.poll(NOW) for each in news.told]
    assert [entry.message for entry in told if "train_loss" in entry.figures] == ["Step 1: training loss=2.5"]


def test_a_point_that_is_published_and_printed_comes_from_one_file_at_whichever_reading(
    tmp_path: Path,
) -> None:
    directory, run = made(tmp_path)
    with directory.output.open("w") as output:
        output.write((999 * "x" + "\n") * 1200)
        output.flush()
        news = run.poll(NOW)
        while next(news).told == []:
            pass
        # The part that is read now was not all of what is printed by then.
        (directory.path / EVENTS).write_text('{"step": 1, "loss": 2.5}\n')
        output.write("step 1 | loss: 2.5 | dt: 10ms\n")
    [point] = [told.entry for each in news for told in each.told if told.entry.figures]
    assert point.message == "Step 1: training loss=2.5"


def test_a_command_that_trains_twice_tells_the_points_of_both(tmp_path: Path) -> None:
    directory, run = made(tmp_path)
    rows = "".join(f'{{"step": {step}, "loss": 2.5}}\n' for step in (1, 2, 3, 1, 2))
    (directory.path / EVENTS).write_text(rows)
    directory.output.write_text("".join(f"step {step} | loss: 2.5 | dt: 1ms\n" for step in (1, 2, 3, 1, 2)))
    steps = [told.entry.step for news in run.poll(NOW) for told in news.told]
    assert steps == [1, 2, 3, 1, 2]


def test_a_run_that_begins_later_is_among_all_runs(tmp_path: Path) -> None:
    runs = KeptRuns(tmp_path)
    assert list(runs.poll(NOW)) == []
    directory, output = RunDirectory.create(tmp_path, "later", NOW, OUTPUT)
    [news] = runs.poll(NOW + timedelta(seconds=1))
    os.close(output)
    assert news.run.id == directory.id
    assert runs.verdict(news.run, NOW).standing is Standing.RUNNING
    assert runs.cancel(news.run) == "Nothing keeps this run any more that could cancel it."
    # Once nobody can write, it is read to its end, and then no more.
    directory.output.write_text("last\n")
    assert [told.entry.message for news in runs.poll(NOW) for told in news.told] == ["last"]
    assert list(runs.poll(NOW)) == []
    assert runs.verdict(news.run, NOW).standing is Standing.ENDED


def test_what_was_written_before_it_is_read_has_the_time_of_its_file(tmp_path: Path) -> None:
    directory, run = made(tmp_path)
    (directory.path / OUTPUT).write_text("one\n")
    os.utime(directory.path / OUTPUT, (NOW.timestamp(), NOW.timestamp()))
    later = NOW + timedelta(days=1)
    assert [told.at for news in run.poll(later) for told in news.told] == [NOW]
    with (directory.path / OUTPUT).open("a") as file:
        file.write("two\n")
    assert [told.at for news in run.poll(later) for told in news.told] == [later]
