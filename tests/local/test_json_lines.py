import json
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from ftmon.local.entry import Entry, Outcome
from ftmon.local.json_lines import JsonLinesReader
from ftmon.model.event import Level
from ftmon.model.job import Status

SAMPLES = Path(__file__).parent.parent / "samples"
SUCCEEDED = Outcome(Status.SUCCEEDED)


def read(*lines: str | dict[str, Any]) -> list[Entry]:
    reader = JsonLinesReader()
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    return [entry for text in texts for entry in reader.read(text)]


def sample(name: str) -> list[Entry]:
    return read(*(SAMPLES / name).read_text().split("\n"))


def losses(entries: list[Entry]) -> list[tuple[int | None, float]]:
    return [(entry.step, entry.figures["train_loss"]) for entry in entries if "train_loss" in entry.figures]


def test_llama_factory_s_log_gives_losses_steps_and_total() -> None:
    entries = sample("llamafactory_trainer_log_dpo.jsonl")
    assert losses(entries) == [(5, 53.9602), (10, 42.0622)]
    assert entries[0].message == "Step 5/10: training loss=53.9602"
    assert entries[0].figures["learning_rate"] == 2.777777777777778e-05
    # The last step alone is no end: the process may still fail.
    assert [entry.outcome for entry in entries] == [None, None]


def test_llama_factory_s_last_line_without_a_loss_is_its_end() -> None:
    entries = sample("llamafactory_trainer_log_2023_nulls.jsonl")
    assert losses(entries) == [(3200, 4.4671), (3210, 4.4577), (3220, 4.4458), (3230, 4.4598)]
    assert entries[-1].outcome == SUCCEEDED
    assert entries[-1].message == "The training is done."
    assert not any(entry.outcome for entry in entries[:-1])


def test_the_steps_of_an_evaluation_loop_are_no_steps_of_the_training() -> None:
    entries = read(
        {"current_steps": 10, "total_steps": 100, "loss": 1.5, "percentage": 10.0},
        {"current_steps": 5, "total_steps": 63, "percentage": 7.94},
        {"current_steps": 10, "total_steps": 100, "eval_loss": 1.4, "percentage": 10.0},
    )
    assert [entry.step for entry in entries] == [10, 10]
    assert entries[1].figures["valid_loss"] == 1.4


def test_ms_swift_s_log_gives_step_and_total_of_one_text() -> None:
    entries = sample("msswift_logging.jsonl")
    assert losses(entries) == [(1, 7.39256144), (2, 7.10582113)]
    assert {entry.figures["total_steps"] for entry in entries} == {20}
    assert entries[0].figures["memory(GiB)"] == 3.82


@pytest.mark.parametrize(
    ("step", "outcome"),
    [(20, SUCCEEDED), (12, Outcome(Status.FAILED, "it ended at step 12 of 20"))],
)
def test_ms_swift_s_summary_is_a_success_only_at_the_last_step(step: int, outcome: Outcome) -> None:
    summary = {"last_model_checkpoint": "x", "best_metric": 1.0, "global_step": step, "log_history": []}
    entries = read({"loss": 1.0, "global_step/max_steps": "12/20"}, summary)
    assert entries[-1].outcome == outcome


def test_verl_s_nested_figures_are_read() -> None:
    [entry] = read({"step": 7, "data": {"actor/entropy": 0.61, "actor/pg_loss": -0.02, "x": None}})
    assert entry.figures == {"step": 7, "actor/entropy": 0.61, "train_loss": -0.02}


def test_a_share_of_the_run_gives_the_total() -> None:
    [entry] = read({"progress/batch": 25, "progress/done_frac": 0.25, "train_mean_nll": 2.5})
    assert (entry.step, entry.figures["total_steps"]) == (25, 100)


def test_figures_without_a_step_get_the_number_of_their_row() -> None:
    entries = read({"loss": 2.0}, {"message": "saving"}, {"loss": 1.0})
    assert losses(entries) == [(1, 2.0), (2, 1.0)]
    assert entries[1].message == "saving"


def test_messages_levels_and_times_are_read() -> None:
    [entry] = read({"timestamp": 1_700_000_000_000, "level": "WARNING", "msg": "loss is high\x1b[2J"})
    assert entry.message == "loss is high"
    assert entry.level is Level.WARNING
    assert entry.at is not None
    assert entry.at.timestamp() == 1_700_000_000
    assert entry.figures == {}


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"status": "finished"}, SUCCEEDED),
        ({"state": "FAILED", "error": "CUDA out of memory"}, Outcome(Status.FAILED, "CUDA out of memory")),
        ({"event": "cancelled"}, Outcome(Status.CANCELLED)),
        ({"exit_code": 0}, SUCCEEDED),
        ({"exit_code": 137}, Outcome(Status.FAILED, "exit status 137")),
        ({"status": "running"}, None),
        ({"status": "ready", "loss": 1.0}, None),
        ({"exit_code": True, "loss": 1.0}, None),
        ({"train_runtime": 70.6, "train_loss": 48.0, "epoch": 1.0}, SUCCEEDED),
    ],
)
def test_an_end_is_told_only_by_a_line_that_tells_it(fields: dict[str, Any], outcome: Outcome | None) -> None:
    entries = read({"step": 1, "loss": 2.0}, fields)
    assert [entry.outcome for entry in entries[1:]] in ([outcome], [])
    assert (entries[-1].outcome if len(entries) > 1 else None) == outcome


def test_a_diverged_run_shows_as_such() -> None:
    entries = read('{"step": 1, "loss": NaN}', '{"step": 2, "loss": "inf"}', '{"step": 3, "loss": null}')
    assert isnan(entries[0].figures["train_loss"])
    assert entries[1].figures["train_loss"] == float("inf")
    assert len(entries) == 3 or entries[-1].step == 2


@pytest.mark.parametrize("line", ["", "   ", "\r", "\ufeff"])
def test_an_empty_line_is_nothing(line: str) -> None:
    assert read(line) == []


@pytest.mark.parametrize("line", ["Loading …", "[1, 2]", "17", '"text"', '{"step": 1', "{" * 100_000])
def test_a_line_that_is_no_object_is_text(line: str) -> None:
    [entry] = read(line)
    assert entry.figures == {}
    assert line.startswith(entry.message)


def test_an_object_without_a_figure_or_a_word_is_nothing() -> None:
    assert read({"a": [1], "b": {}, "c": None, "d": True}) == []


def test_the_name_of_a_figure_is_safe_text() -> None:
    [entry] = read({"step": 1, "\x1b[2Jre\ud800ward": 0.5, "\u202ekl": 1})
    assert set(entry.figures) == {"step", "re\N{REPLACEMENT CHARACTER}ward", "\N{REPLACEMENT CHARACTER}kl"}
    assert entry.message == "Step 1: re\N{REPLACEMENT CHARACTER}ward=0.5, \N{REPLACEMENT CHARACTER}kl=1"
