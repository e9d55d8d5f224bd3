import json
import os
import resource
import subprocess
import sys
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import ftmon
from ftmon.local.json_lines import JsonLinesReader
from ftmon.local.publication import Publication
from ftmon.local.run_directory import EVENTS, OUTPUT, RunDirectory, now

WRITES = """
import ftmon, pathlib, sys
with ftmon.publish("my run", total_steps=3, home=pathlib.Path(sys.argv[1])) as run:
    run.log(step=1, loss=2.5)
    {}
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FTMON_RUN", "RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)


def lines(home: Path, run_id: str = "my-run") -> list[dict[str, Any]]:
    told = [json.loads(line) for line in (home / run_id / EVENTS).read_text().splitlines()]
    return [{name: value for name, value in each.items() if name != "time"} for each in told]


def test_a_run_tells_its_figures_its_words_and_its_end(tmp_path: Path) -> None:
    with ftmon.publish("my run", total_steps=3, home=tmp_path) as run:
        run.log(step=1, loss=2.5, valid_loss=float("inf"), words=7)
        run.message("Saving …", level="warning")
        assert RunDirectory(tmp_path / run.id).is_running
    assert lines(tmp_path) == [
        {"total_steps": 3, "step": 1, "loss": 2.5, "valid_loss": float("inf"), "words": 7},
        {"message": "Saving …", "level": "warning"},
        {"status": "succeeded"},
    ]
    assert not RunDirectory(tmp_path / run.id).is_running


def test_an_entry_has_the_time_at_which_it_was_told(tmp_path: Path) -> None:
    before = now()
    with ftmon.publish("my run", home=tmp_path) as run:
        run.log(step=1, loss=2.5)
    line, *_ = (tmp_path / run.id / EVENTS).read_text().splitlines()
    [entry] = JsonLinesReader().read(line)
    assert entry.at is not None
    assert before - timedelta(milliseconds=1) < entry.at <= now()


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (ValueError("loss is NaN"), {"status": "failed", "error": "ValueError: loss is NaN"}),
        (MemoryError(), {"status": "failed", "error": "MemoryError"}),
        (KeyboardInterrupt(), {"status": "cancelled"}),
        (SystemExit(3), {"status": "failed", "error": "exit status 3"}),
        (SystemExit(), {"status": "succeeded"}),
    ],
)
def test_an_exception_is_the_end_and_goes_on(
    tmp_path: Path, error: BaseException, end: dict[str, str]
) -> None:
    with pytest.raises(type(error)), ftmon.publish("my run", home=tmp_path):
        raise error
    assert lines(tmp_path) == [end]


class Tensor:
    def __float__(self) -> float:
        return 1.5


def test_a_figure_is_what_is_a_number_for_float(tmp_path: Path) -> None:
    run = ftmon.publish("my run", home=tmp_path)
    run.log(step=1, loss=Tensor())
    with pytest.warns(RuntimeWarning, match="ftmon: name is no number, and is left out"):
        run.log(step=2, name="x", other=[1])
    run.finish()
    assert lines(tmp_path)[:2] == [{"step": 1, "loss": 1.5}, {"step": 2}]


def test_figures_may_have_any_name(tmp_path: Path) -> None:
    run = ftmon.publish("my run", total_steps=Tensor(), home=str(tmp_path))  # type: ignore[arg-type]
    run.log(**{"self": 1, "rewards/mean": 0.5})
    run.finish()
    assert lines(tmp_path)[0] == {"total_steps": 1.5, "self": 1, "rewards/mean": 0.5}


class Ended(NamedTuple):
    status: int
    said: str


def ended(home: Path, code: str) -> Ended:
    """Run a training that publishes itself without a block, up to its own end."""
    begin = (
        "import ftmon, sys; run = ftmon.publish('my run', total_steps=3, home=sys.argv[1]); run.log(step=1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", begin + code, str(home)], capture_output=True, text=True, check=False
    )
    return Ended(done.returncode, done.stderr)


@pytest.mark.parametrize(
    ("code", "end"),
    [
        ("raise ValueError('loss is NaN')", {"status": "failed", "error": "ValueError: loss is NaN"}),
        ("raise KeyboardInterrupt", {"status": "cancelled"}),
        ("run.finish('failed', 'first'); raise ValueError('x')", {"status": "failed", "error": "first"}),
    ],
)
def test_an_exception_that_ends_the_process_ends_a_run_without_a_block(
    tmp_path: Path, code: str, end: dict[str, str]
) -> None:
    done = ended(tmp_path, code)
    assert done.status != 0
    assert done.said.count("Traceback (most recent call last)") == 1
    assert lines(tmp_path) == [{"total_steps": 3, "step": 1}, end]


@pytest.mark.parametrize("code", ["sys.exit(1)", "pass"])
def test_a_run_that_nobody_ends_is_no_success(tmp_path: Path, code: str) -> None:
    ended(tmp_path, code)
    assert lines(tmp_path) == [{"total_steps": 3, "step": 1}]


def test_nothing_is_told_after_the_end(tmp_path: Path) -> None:
    run = ftmon.publish("my run", home=tmp_path)
    run.finish("failed", "it broke")
    run.finish()
    run.log(step=1, loss=1.0)
    assert lines(tmp_path) == [{"status": "failed", "error": "it broke"}]


@pytest.mark.parametrize("name", ["RANK", "SLURM_PROCID"])
def test_only_the_first_process_of_a_training_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    with ftmon.publish("my run", home=tmp_path) as run:
        run.log(step=1, loss=1.0)
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv(name, "0")
    with ftmon.publish("my run", home=tmp_path):
        pass
    assert lines(tmp_path) == [{"status": "succeeded"}]


def test_a_process_that_was_forked_writes_nothing(tmp_path: Path) -> None:
    code = "import os\n    if os.fork() == 0:\n        run.log(step=9, loss=9.0); os._exit(0)\n    os.wait()"
    subprocess.run([sys.executable, "-c", WRITES.format(code), str(tmp_path)], check=True)
    assert [line.get("step") for line in lines(tmp_path)] == [1, None]


def test_a_run_that_is_killed_tells_no_end_and_runs_no_more(tmp_path: Path) -> None:
    code = WRITES.format("import os; os.kill(os.getpid(), 9)")
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    assert lines(tmp_path) == [{"total_steps": 3, "step": 1, "loss": 2.5}]
    assert not RunDirectory(tmp_path / "my-run").is_running


def test_inside_a_run_of_ftmon_it_joins_that_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, output = RunDirectory.create(tmp_path, "train", now(), OUTPUT)
    monkeypatch.setenv("FTMON_RUN", str(run.path))
    with ftmon.publish("my run", home=tmp_path) as publication:
        publication.log(step=1, loss=2.5)
    assert publication.id == "train"
    os.close(output)
    assert lines(tmp_path, "train") == [{"step": 1, "loss": 2.5}, {"status": "succeeded"}]


def test_what_cannot_be_written_is_dropped_with_one_warning(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.warns(RuntimeWarning, match="ftmon: nothing is published"):
        run = ftmon.publish("my run", home=tmp_path / "file")
    run.log(step=1, loss=1.0, name="x")
    run.finish()


def test_a_full_disk_never_reaches_the_training(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    run = ftmon.publish("my run", home=tmp_path)
    assert run._descriptor is not None
    os.dup2(full, run._descriptor)
    os.close(full)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for step in range(3):
            run.log(step=step, loss=1.0)
        run.finish()


def test_a_line_that_a_full_disk_cuts_does_not_spoil_the_next_one(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    run = ftmon.publish("my run", home=tmp_path)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, limits[1]))
        with pytest.warns(RuntimeWarning, match="an entry is lost"):
            run.log(step=1, loss=2.5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    run.log(step=2, loss=2.25)
    run.finish()
    entries = (tmp_path / run.id / "events.jsonl").read_text().splitlines()
    assert entries[0] == '{"step":1,"loss":2.5'
    assert [json.loads(entry).get("step") for entry in entries[1:]] == [2, None]


def test_publishing_imports_neither_the_screen_nor_the_network() -> None:
    code = "import ftmon, sys; ftmon.publish; import ftmon.local.publication; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"textual", "httpx", "rich", "asyncio", "sqlite3"} & set(done.stdout.split())


def test_a_publication_is_what_publish_returns(tmp_path: Path) -> None:
    assert isinstance(ftmon.publish("my run", home=tmp_path), Publication)
