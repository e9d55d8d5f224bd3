"""Runs that ftmon keeps on this machine, and that nobody has watched yet, as the commands see them."""

import os
from pathlib import Path

import pytest

from ftmon.local.run_directory import OUTPUT, End, RunDirectory, now
from tests.command import KEY, ftmon, objects
from tests.test_completion import completed

pytestmark = pytest.mark.slow


@pytest.fixture
def runs(data_home: Path) -> Path:
    return data_home / "ftmon" / "runs"


def test_a_run_that_nobody_watches_is_listed_exported_and_watched_by_its_id(
    runs: Path, tmp_path: Path
) -> None:
    directory, output = RunDirectory.create(runs, "mine", now(), OUTPUT)
    os.write(output, b"step 1 | loss: 2.5\n")

    done = ftmon("jobs", "--json")
    [job] = objects(done.stdout)
    assert (done.returncode, job["id"], job["status"], job["events"]) == (0, "mine", "running", None)
    assert (job["base_url"], job["source"]) == ("local", "machine")
    assert done.stderr == b"ftmon: no service is asked: none is named, and there is no key for OpenAI's.\n"
    [run] = objects(ftmon("history", "--json").stdout)
    assert (run["id"], run["status"], run["events"]) == ("mine", "running", 0)
    for line in ("ftmon logs ", "ftmon watch mi", "ftmon cancel "):
        assert completed(line) == ["mine"]

    done = ftmon("--latest", "--json", "--no-stream")
    assert done.returncode == 0
    assert [each.get("message") for each in objects(done.stdout)] == ["step 1 | loss: 2.5", None]
    assert b"Watching mine, the newest job that is not over: it is running." in done.stderr

    os.write(output, b"step 2 | loss: 1.25\n")
    exported = objects(ftmon("export", "mine").stdout)
    assert [each.get("message") for each in exported] == ["step 1 | loss: 2.5", "step 2 | loss: 1.25", None]

    directory.write_end(End(1, False, now()))
    os.close(output)
    done = ftmon("history", "mine", "--json")
    assert done.returncode == 1
    assert objects(done.stdout)[-1]["error"] == "exit status 1"
    assert objects(ftmon("mine", "--json").stdout) == objects(done.stdout)
    [job] = objects(ftmon("jobs", "--json", "--status", "failed").stdout)
    assert (job["id"], job["events"], job["source"]) == ("mine", 3, "both")

    file = tmp_path / "mine.jsonl"
    file.write_bytes(ftmon("export", "mine").stdout)
    told = ftmon("watch", str(file), "--json")
    assert told.returncode == 1
    for field in ("message", "level", "created_at", "data", "status", "finished_at", "error"):
        values = [[each.get(field) for each in objects(text)] for text in (told.stdout, done.stdout)]
        assert values[0] == values[1]


def test_the_newest_run_here_is_the_latest_where_no_job_of_the_service_is_newer(runs: Path) -> None:
    for name in ("first", "second"):
        directory, output = RunDirectory.create(runs, name, now(), OUTPUT)
        os.close(output)
    directory.write_end(End(0, False, now()))
    done = ftmon("--latest", "--plain")
    assert done.returncode == 0
    assert b"Watching second, the newest job: none runs now." in done.stderr
    # A key that belongs to other work does not keep this from being found.
    nobody = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}
    done = ftmon("--latest", "--plain", env=nobody)
    assert done.returncode == 0
    assert b"none runs now. The service could not be asked: " in done.stderr
    done = ftmon("history")
    assert [line.split("  ")[0] for line in done.stdout.decode().splitlines()] == [
        "✔ succeeded",
        "? ended, outcome unknown",
    ]
