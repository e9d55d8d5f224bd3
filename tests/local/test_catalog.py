import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ftmon.local.catalog import kept_jobs
from ftmon.local.publication import Publication
from ftmon.local.run_directory import OUTPUT, End, RunDirectory
from ftmon.model.job import Status

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("end", "output", "status", "error"),
    [
        (End(0, False, NOW), "", Status.SUCCEEDED, None),
        (End(1, False, NOW), "x\nRuntimeError: no\n", Status.FAILED, "exit status 1: RuntimeError: no"),
        (End(0, True, NOW), "", Status.CANCELLED, None),
        (None, "{'train_runtime': 1.0}\n", Status.SUCCEEDED, None),
        (None, "one\n", Status.UNKNOWN, None),
    ],
)
def test_a_run_stands_as_its_directory_tells(
    tmp_path: Path, end: End | None, output: str, status: Status, error: str | None
) -> None:
    directory, descriptor = RunDirectory.create(tmp_path, "mine", NOW, OUTPUT)
    # More than is looked at: only the end of it counts.
    os.write(descriptor, b"line\n" * 20_000 + output.encode())
    [job] = kept_jobs(tmp_path)
    assert (job.id, job.status, job.has_ended, job.created_at) == ("mine", Status.RUNNING, False, NOW)
    if end is not None:
        directory.write_end(end)
    os.close(descriptor)
    [job] = kept_jobs(tmp_path)
    assert (job.status, job.error, job.has_ended) == (status, error, status is Status.UNKNOWN)
    assert job.is_over
    assert end is None or job.finished_at == NOW


def test_a_run_that_publishes_itself_stands_as_it_says(tmp_path: Path) -> None:
    publication = Publication("mine", tmp_path, 3)
    assert [job.status for job in kept_jobs(tmp_path)] == [Status.RUNNING]
    publication.finish("failed", "ValueError: x")
    assert [(job.status, job.error) for job in kept_jobs(tmp_path)] == [(Status.FAILED, "ValueError: x")]


def test_what_is_no_run_is_not_listed_and_not_found(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    assert kept_jobs(tmp_path) == []
    assert kept_jobs(tmp_path / "none") == []
    for word in ("empty", "file", "link", "none", "../x", "a/bcdefgh", "x" * 300, ""):
        assert RunDirectory.find(tmp_path, word) is None


def test_the_end_of_an_output_is_read_in_its_encoding(tmp_path: Path) -> None:
    _, descriptor = RunDirectory.create(tmp_path, "mine", NOW, OUTPUT)
    os.write(descriptor, ("line\n" * 20_000 + "{'train_runtime': 1.0}\n").encode("utf-16-le"))
    os.close(descriptor)
    assert [job.status for job in kept_jobs(tmp_path)] == [Status.SUCCEEDED]
