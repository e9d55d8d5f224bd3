from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path

import pytest

from ftmon.local.entry import Entry, Outcome
from ftmon.local.source import LOG, format_of
from ftmon.model.event import Level
from ftmon.model.events import Events
from ftmon.model.job import Status
from ftmon.tui.saving import save
from tests.records import read as event_of

BLANK = " " * 48
FAST = (
    "\r  0%|          | 0/60 [00:00<?, ?it/s]\r" + BLANK + "\r{'loss': '4.165', 'epoch': '0.08333'}\n"
    "\r  8%|▊         | 5/60 [00:00<00:00, 118.36it/s]\r" + BLANK + "\r{'loss': '4.171', 'epoch': '0.1667'}\n"
    "\r 17%|█▋        | 10/60 [00:00<00:00, 155.65it/s]\r 28%|██▊       | 17/60 [00:00<00:00, 160it/s]\r"
    + BLANK + "\r{'loss': '4.184', 'epoch': '0.3333'}\n"
    "\r 33%|███▎      | 20/60 [00:00<00:00, 204.27it/s]\n"
    "\r  0%|          | 0/2 [00:00<?, ?it/s]\x1b[A\r" + BLANK + "\r\n"
    "\r      \r\x1b[A{'eval_loss': '4.143', 'epoch': '0.3333'}\n"
    "\r 33%|███▎      | 20/60 [00:00<00:00, 197.09it/s]\n\r100%|██████████| 2/2 [00:00<00:00, 1it/s]\x1b[A\n"
)  # fmt: skip
"""What transformers 5.24 writes where it takes over ten steps between two drawings of its bar."""


def read(text: str) -> list[Entry]:
    reader = LOG.reader()
    return [*reader.feed(text.encode()), *reader.flush(inf)]


def test_a_line_in_the_place_of_a_bar_has_the_step_of_the_bar_that_follows() -> None:
    points = [(entry.step, entry.figures.get("train_loss")) for entry in read(FAST) if entry.figures]
    assert points == [(5, 4.165), (10, 4.171), (20, 4.184), (20, None)]
    assert {entry.figures["total_steps"] for entry in read(FAST)} == {60}


def test_a_line_says_the_same_wherever_the_output_is_cut_while_it_is_written() -> None:
    written = FAST.encode()
    for cut in range(len(written)):
        reader = LOG.reader()
        entries = [*reader.feed(written[:cut]), *reader.flush(0.5), *reader.feed(written[cut:])]
        assert entries == read(FAST), cut


def test_a_line_in_the_place_of_a_bar_is_read_after_a_second_where_none_follows() -> None:
    reader = LOG.reader()
    written = "\r 10%|█         | 6/60 [00:01<00:09, 4it/s]\r     \r{'loss': 2.5, 'epoch': 0.1}\n"
    assert [*reader.feed(written.encode()), *reader.flush(0.5)] == []
    assert [entry.step for entry in reader.flush(1)] == [6]
    assert [*reader.flush(1)] == []


def test_another_training_in_the_same_output_has_the_steps_of_its_own_bar() -> None:
    def training(total: int) -> str:
        written = f"\r  0%|          | 0/{total} [00:00<?, ?it/s]"
        for epoch in (0.25, 1.0):
            line = f"\r     \r{{'loss': 2.5, 'epoch': {epoch}}}\n"
            written += f"{line}\r 50%|█████     | {round(epoch * total)}/{total} [00:01<00:09, 4it/s]"
        return written + "\n"

    places = [
        (entry.step, entry.figures["total_steps"])
        for entry in read(training(60) + training(40) + training(40))
    ]
    assert places == [(15, 60), (60, 60), (10, 40), (40, 40), (10, 40), (40, 40)]


def test_the_steps_of_a_training_are_known_where_it_ends_within_an_epoch() -> None:
    [entry] = read("\r 12%|█▎        | 5/40 [00:01<00:09, 4it/s]\r     \r{'loss': 2.5, 'epoch': 0.2}\n")
    assert (entry.step, entry.figures["total_steps"]) == (5, 40)


def test_a_bar_that_comes_after_a_line_of_its_own_is_no_step_of_that() -> None:
    before = " 10%|█         | 100/1000 [00:31<04:41, 3.2it/s]\n"
    [entry] = read(f"{before}{{'loss': 1.5, 'epoch': 0.3}}\n{before.replace('100/', '101/')}")
    assert entry.step == 100


@pytest.mark.parametrize(
    ("line", "message", "part"),
    [
        ("2026-01-31 12:00:00,123 - INFO - step 10 loss=0.5", "INFO - step 10 loss=0.5", 123_000),
        ("[2026-01-31 12:00:00.5] step 10 loss=0.5", "step 10 loss=0.5", 500_000),
        ("2026-01-31 12:00:00 | step 10 loss=0.5", "step 10 loss=0.5", 0),
    ],
)
def test_a_line_that_begins_with_a_time_happened_then(line: str, message: str, part: int) -> None:
    [entry] = read(f"{line}\n")
    assert (entry.message, entry.step) == (message, 10)
    assert entry.at == datetime(2026, 1, 31, 12, 0, 0, part).astimezone(UTC)
    [entry] = read("2026-01-31T12:00:00Z ERROR step 10 failed\n")
    assert (entry.at, entry.level) == (datetime(2026, 1, 31, 12, tzinfo=UTC), Level.ERROR)


def test_a_time_is_taken_off_whatever_the_clock_says_so_that_the_line_is_the_same_at_each_reading() -> None:
    ahead = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=5)
    [entry] = read(f"{ahead:%Y-%m-%dT%H:%M:%SZ} step 10\n")
    assert (entry.message, entry.at) == ("step 10", ahead)


def test_a_time_that_is_none_is_a_part_of_the_line() -> None:
    assert format_of("train.log", b"2026-01-31 12:00:00  INFO step 10\n") is LOG
    for line in ("2026-13-31 12:00:00 step 10", "2026-01-31", "2026-01-31 12:00:00"):
        [entry] = read(f"{line}\n")
        assert (entry.message, entry.at) == (line, None)
    lines = [f"2026-01-31 12:00:0{second} waiting\n" for second in range(3)]
    assert len(read("".join(lines))) == 3


def test_what_was_saved_as_text_is_told_as_it_was(tmp_path: Path) -> None:
    shown = [
        ("Step 1/9: training loss=0.5", "info"),
        ("Out of\n  memory", "error"),
        ("Fine-tune failed", "info"),
    ]
    events = [
        event_of({"created_at": 1_700_000_000 + second, "message": message, "level": level})
        for second, (message, level) in enumerate(shown)
    ]
    save(tmp_path / "saved.log", Events(events), range(len(events)), "ft-1", (), overwrites=False)
    # `--plain` sums up behind the last event.
    text = (tmp_path / "saved.log").read_text() + "\n✘ ft-1 failed\n  events  3\n"
    step, *error, end = format_of("saved.log", text.encode()).reader().feed(text.encode())
    assert (step.message, step.step, step.at) == (events[0].message, 1, events[0].created_at)
    assert [entry.message for entry in error] == ["Out of", "  memory"]
    assert [entry.at for entry in (*error, end)] == [*[events[1].created_at] * 2, events[2].created_at]
    assert error[0].level is Level.ERROR
    assert (end.message, end.outcome) == ("Fine-tune failed", Outcome(Status.FAILED))
