import json
import re
import time
from math import inf
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftmon.model.checkpoint import Checkpoint
from ftmon.model.event import Details, parse_event
from ftmon.model.job import Status
from ftmon.model.message import NOTHING, Facts, event_figures, read_beside, read_message, step_of
from ftmon.model.metrics import read_metrics

SAMPLES = Path(__file__).parent / "samples"


def messages_of(name: str) -> list[str]:
    return re.findall(r'"message": ?"(.*?)"', (SAMPLES / name).read_text())


def facts_of(name: str) -> list[Facts]:
    return [facts for message in messages_of(name) if (facts := read_message(message)) != NOTHING]


@pytest.mark.parametrize(
    ("message", "facts"),
    [
        ("Created fine-tune: ft-eGO9U2WIjZzzGkuv8ADLBYHE", NOTHING),
        ("Created fine-tune job", NOTHING),
        ("Fine-tune costs $0.00", Facts(cost=0.0)),
        ("Fine-tune costs $3.67", Facts(cost=3.67)),
        ("Fine-tune costs $12", Facts(cost=12.0)),
        ("Fine-tune costs $1,234.50", Facts(cost=1234.5)),
        ("Fine-tune enqueued", NOTHING),
        ("Fine-tune enqueued. Queue number: 9", Facts(queue=9)),
        ("Fine-tune is in the queue. Queue number: 30", Facts(queue=30)),
        ("Fine-tune is in the queue. Queue number: 0", Facts(queue=0)),
        ("Job enqueued. Waiting for jobs ahead to complete. Queue number: 0.", Facts(queue=0)),
        ("Job enqueued. Waiting for jobs ahead to complete.", NOTHING),
        ("Fine-tune started", Facts(started=True)),
        ("Fine-tuning job started", Facts(started=True)),
        ("Job started.", Facts(started=True)),
        ("Job started at Thu Apr  3 03:19:46 UTC 2025", Facts(started=True)),
        ("Completed epoch 1/4", Facts(epoch=1, total_epochs=4)),
        ("Completed epoch 3", Facts(epoch=3)),
        ("Epoch completed, at step 24", Facts(step=24)),
        ("Step 100/200: training loss=0.50", Facts(step=100, total_steps=200, train_loss=0.5)),
        (
            "Step 1/300: training loss=2.89, validation loss=2.04",
            Facts(step=1, total_steps=300, train_loss=2.89, valid_loss=2.04),
        ),
        (
            "Step 90/90: training loss=0.46, validation loss=0.53, full validation loss=0.61",
            Facts(step=90, total_steps=90, train_loss=0.46, valid_loss=0.61),
        ),
        (
            "Step 100: training loss=0.0007721185684204102",
            Facts(step=100, train_loss=0.0007721185684204102),
        ),
        (
            "Step 100: training loss=3.4570693969726562e-06",
            Facts(step=100, train_loss=3.4570693969726562e-06),
        ),
        ("Step 5/9: training loss=-inf", Facts(step=5, total_steps=9, train_loss=-inf)),
        ("Step 5/9: training loss=1e999", Facts(step=5, total_steps=9, train_loss=inf)),
        ("Step 5/9: training loss=nano, validation loss=no", Facts(step=5, total_steps=9)),
        (
            "Step 10/20 , train mean reward=0.42, full validation mean reward=0.68",
            Facts(step=10, total_steps=20),
        ),
        (
            "Uploaded model: curie:ft-acmeco-2021-03-03-21-44-20",
            Facts(fine_tuned_model="curie:ft-acmeco-2021-03-03-21-44-20"),
        ),
        ("Uploaded snapshot: curie:ft-a-20.", Facts(fine_tuned_model="curie:ft-a-20")),
        (
            "New fine-tuned model created: ft:gpt-4o-mini-2024-07-18:p::9x9",
            Facts(fine_tuned_model="ft:gpt-4o-mini-2024-07-18:p::9x9"),
        ),
        (
            "Uploaded result file: file-tHCmzEG4g4uipbrTD25TQ6qz",
            Facts(result_file="file-tHCmzEG4g4uipbrTD25TQ6qz"),
        ),
        (
            "Uploaded result files: file-QQm6ZpqdNwAaVC3aSz5sWwLT.",
            Facts(result_file="file-QQm6ZpqdNwAaVC3aSz5sWwLT"),
        ),
        ("Completed results file: file-1", Facts(result_file="file-1")),
        ("Fine-tune succeeded", Facts(claim=Status.SUCCEEDED)),
        ("Job succeeded.", Facts(claim=Status.SUCCEEDED)),
        ("The job has successfully completed", Facts(claim=Status.SUCCEEDED)),
        ("Fine tuning job successfully completed", Facts(claim=Status.SUCCEEDED)),
        ("Job finished at 2026-04-03T03:31:33Z", Facts(claim=Status.SUCCEEDED)),
        ("Fine-tune failed", Facts(claim=Status.FAILED)),
        ("Fine-tune failed. Please contact us.", Facts(claim=Status.FAILED)),
        ("Job failed.", Facts(claim=Status.FAILED)),
        ("Fine-tune cancelled", Facts(claim=Status.CANCELLED)),
        ("Job canceled.", Facts(claim=Status.CANCELLED)),
        ("Fine tuning process stopping due to job cancellation", Facts(claim=Status.CANCELLED)),
        ("Error: The file is too long.", Facts(error="The file is too long.")),
        ("The job is running (STARTED)", Facts(started=True)),
        (
            "Checkpoint created at step 160 with Snapshot ID: ft:a:ckpt-step-160",
            Facts(checkpoint=Checkpoint("ft:a:ckpt-step-160", 160)),
        ),
        ("Checkpoint ft:a:b: Step 80/90: loss=1", Facts(checkpoint=Checkpoint("ft:a:b", 80))),
        ("Checkpoint ft-1:24: Step 24, Intermediate", Facts(checkpoint=Checkpoint("ft-1:24", 24))),
        ("Checkpoint: Step 80", Facts(checkpoint=Checkpoint("", 80))),
        ("Saved checkpoint-500", Facts(checkpoint=Checkpoint("checkpoint-500", 500))),
        ("Saving a checkpoint of step 7", Facts(checkpoint=Checkpoint("", 7))),
        ("Saving model checkpoint to out/c-500", Facts(checkpoint=Checkpoint("out/c-500", 500))),
        ("Saved checkpoint to out/7/step_000500.h5.", Facts(checkpoint=Checkpoint("step_000500.h5", 500))),
        (
            "Saving checkpoint to /a/epoch=3-step=500.pt",
            Facts(checkpoint=Checkpoint("epoch=3-step=500.pt", 500)),
        ),
        ("Checkpoint saved to epoch_3.pt", Facts(checkpoint=Checkpoint("epoch_3.pt"))),
    ],
)
def test_a_message_is_understood(message: str, facts: Facts) -> None:
    assert read_message(message) == facts


@pytest.mark.parametrize(
    "message",
    [
        "",
        " ",
        "—",
        "Step",
        "Step by step: training loss=0.5",
        "Step 1" + "0" * 15 + "/2: training loss=0.5",
        "Stepwise 1/2: training loss=0.5",
        "step 1/2: training loss=0.5",
        "Completed epoch one",
        "Completed epoch " + "9" * 10_000,
        "Completed",
        "Fine-tune costs nothing",
        "Fine-tune costs $",
        "Fine-tune costs $,",
        "Fine-tune is in the queue. Queue number: " + "9" * 10_000,
        "Fine-tune started\nover",
        "Fine-tune did not start",
        "Uploaded model: ",
        "Uploaded model: one two",
        "Uploading output model",
        "Training completed for Qwen/Qwen3.5-9B at 2026-04-03T03:27:55Z",
        "Checkpoint created",
        "Saved a checkpoint",
        "An Error: none",
    ],
    ids=lambda message: message[:40],
)
def test_a_message_that_says_nothing_known_is_let_be(message: str) -> None:
    assert read_message(message) == NOTHING


def test_the_long_queue_of_a_recorded_job_is_understood() -> None:
    assert facts_of("openai_legacy_events_long_queue.json") == [
        Facts(cost=0.0),
        *[Facts(queue=number) for number in range(9, -1, -1)],
        Facts(started=True),
        *[Facts(epoch=epoch, total_epochs=4) for epoch in (1, 2, 3, 4)],
        Facts(fine_tuned_model="ada:ft-personal:epicstar-model-2023-08-11-00-30-38"),
        Facts(result_file="file-tHCmzEG4g4uipbrTD25TQ6qz"),
        Facts(claim=Status.SUCCEEDED),
    ]


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("openai_legacy_events_cancelled.json", [Facts(claim=Status.CANCELLED)]),
        ("openai_legacy_cancel_response.json", [Facts(claim=Status.CANCELLED)]),
        ("openai_legacy_events_just_created.json", []),
        (
            "openai_legacy_spec_example_events.json",
            [
                Facts(queue=0),
                Facts(started=True),
                Facts(fine_tuned_model="curie:ft-acmeco-2021-03-03-21-44-20"),
                Facts(result_file="file-QQm6ZpqdNwAaVC3aSz5sWwLT"),
                Facts(claim=Status.SUCCEEDED),
            ],
        ),
        ("azure_legacy_events.json", [Facts(started=True), Facts(claim=Status.SUCCEEDED)]),
        ("openai_jobs_events_started.json", [Facts(started=True)]),
        ("openai_jobs_event_rft_metrics.json", [Facts(step=10, total_steps=20)]),
        ("openai_jobs_event_error.json", []),
    ],
)
def test_the_messages_of_a_sample_are_understood(name: str, facts: list[Facts]) -> None:
    assert messages_of(name)
    assert facts_of(name) == facts


def test_the_messages_of_together_are_understood() -> None:
    messages = (SAMPLES / "together_event_messages.txt").read_text().splitlines()
    facts = [read_message(message) for message in messages]
    assert [fact.step for fact in facts if fact.step] == [24, 48, 72] * 2
    assert sum(fact.started for fact in facts) == 2
    assert [fact.claim for fact in facts if fact.claim] == [Status.SUCCEEDED] * 2


def test_the_lines_of_the_old_client_are_understood() -> None:
    transcript = (SAMPLES / "openai_legacy_cli_transcript_interrupted.txt").read_text()
    messages = re.findall(r"^\[.*?\] (.*)$", transcript, flags=re.MULTILINE)
    assert [fact for message in messages if (fact := read_message(message)) != NOTHING] == [
        Facts(cost=3.67),
        Facts(queue=0),
    ]


WORDS = [
    *[
        "Step ",
        "Completed ",
        "epoch ",
        "Epoch completed, at step ",
        "Fine-tune ",
        "costs $",
        "Job ",
        "Error: ",
    ],
    *["Queue number: ", "Uploaded model: ", "Uploaded result file: ", "training loss=", "validation loss="],
    *["started", "succeeded", "1", "/", "9" * 20, "1e400", "-", ".", ":", ",", " ", "\n", "٣", "é", "\t"],
]


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=8).map("".join))
@settings(deadline=None, max_examples=500)
def test_no_message_whatever_breaks_the_reading(message: str) -> None:
    facts = read_message(message)
    assert facts.train_loss is None or abs(facts.train_loss) < float("inf")


@pytest.mark.parametrize(
    "message",
    [
        "Step 1/2: training loss=" + "1" * 1_000_000,
        "Step 1/2: " + "full validation loss=" * 50_000,
        "Fine-tune " + "Queue number: " * 50_000,
        "Job " + "Queue number:" + " " * 500_000,
        "Uploaded model: " + "." * 1_000_000 + " x",
        "Uploaded result file: " + "a." * 500_000 + " x",
        "Fine-tune costs $" + "1," * 500_000,
    ],
    ids=lambda message: message[:30],
)
def test_a_message_of_a_million_characters_is_read_at_once(message: str) -> None:
    started = time.monotonic()
    read_message(message)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    ("message", "data", "step"),
    [
        ("Step 7/200: training loss=1.00", None, 7),
        ("Step 7/200: training loss=1.00", {"step": 8}, 8),
        ("Fine-tune started", None, None),
    ],
)
def test_the_step_of_an_event_is_in_its_data_or_else_in_its_words(
    message: str, data: object, step: int | None
) -> None:
    fields = {"object": "event", "created_at": 1, "level": "info", "message": message, "data": data}
    assert step_of(parse_event(fields, json.dumps(fields))) == step


@pytest.mark.parametrize(
    "message",
    [
        "Step 7/200: training loss=1.50",
        "Step 7: training loss=1.50",
        "Step 7/200: training loss=1.50, validation loss=1.75",
        "{'loss': 1.5, 'eval_loss': 1.75, 'epoch': 0.5}",
        "Fine-tune succeeded",
        "Queue number: 3",
    ],
)
@pytest.mark.parametrize(
    "data",
    [
        {},
        {"step": 7},
        {"step": 7, "train_loss": 1.5},
        {"step": 7, "train_loss": 1.5, "total_steps": 200},
        {"step": 7, "train_loss": 1.5, "valid_loss": 1.75, "total_steps": 200},
        {"valid_loss": 1.75},
    ],
)
def test_a_message_is_passed_over_only_where_it_adds_nothing(message: str, data: dict[str, float]) -> None:
    metrics = read_metrics(Details(data=data))
    whole = event_figures(read_message(message), metrics)
    beside = read_beside(message, metrics)
    # The lines of trainers come with the figures that were read out of them.
    told = data.get("train_loss") if message.startswith("{'") else None
    assert event_figures(beside, metrics) == (whole if told is None else metrics)
    assert beside.claim == read_message(message).claim
    assert beside.queue == read_message(message).queue
