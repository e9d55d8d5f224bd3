"""What each service answers for one job, from its queue to each of its ends, and what is to be told of it.

Answers come from `samples/` where they were recorded. What is made beside them follows the lists of fields in
each dialect's source, and is called so.
"""

import csv
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ftmon.model.event import Level
from ftmon.model.job import Status
from tests.servers.case import (
    ARRIVAL,
    SAMPLES,
    Case,
    Ending,
    Line,
    Stage,
    frames,
    iso,
    line_of,
    listed,
    sample,
    seconds,
    sse,
)
from tests.servers.fine_tunes import DONE, Fields, answer, frame, head
from tests.servers.scripted import Script

# OpenAI's first API

FIRST_LIST = sample("openai_legacy_list_one_per_status")["data"]
FIRST_EVENTS = sample("openai_legacy_events_long_queue")["data"]
FIRST_STREAM = (SAMPLES / "openai_legacy_stream_full.sse").read_bytes()
FIRST_ID = "ft-eGO9U2WIjZzzGkuv8ADLBYHE"
# Made: the recorded job of each status, as if it were that of the recorded stream.
FIRST_JOBS = {job["status"]: {**job, "id": FIRST_ID} for job in FIRST_LIST}
CUT_STREAM = FIRST_STREAM[: FIRST_STREAM.index(b"Completed epoch 3/4")]
FIRST_CANCELLED: Fields = {"object": "fine-tune-event", "level": "info", "message": "Fine-tune cancelled"}
FIRST_CANCELLED |= {"created_at": 1691713825}


FIRST_STREAM_PATH = f"/fine-tunes/{FIRST_ID}/events?stream=true"


def first_stream(*last: Fields) -> dict[str, Sequence[Script]]:
    """Return the recorded stream as one that was cut, and as one that goes on to its end."""
    whole = sse(FIRST_STREAM) if not last else [head(), *map(frame, [*FIRST_EVENTS[:-3], *last]), DONE]
    return {FIRST_STREAM_PATH: [sse(CUT_STREAM), whole]}


OPENAI_FIRST = Case(
    job_id=FIRST_ID,
    dialect="fine-tunes",
    base="/v1",
    path=f"/fine-tunes/{FIRST_ID}",
    stages=[Stage(FIRST_JOBS["pending"]), Stage({**FIRST_JOBS["pending"], "status": "running"})],
    stream=FIRST_STREAM_PATH,
    lines=[line_of(each) for each in FIRST_EVENTS[:-3]],
    endings={
        Status.SUCCEEDED: Ending(
            stage=Stage(FIRST_JOBS["succeeded"]),
            streams=first_stream(),
            lines=[line_of(each) for each in FIRST_EVENTS[-3:]],
            model=FIRST_JOBS["succeeded"]["fine_tuned_model"],
        ),
        Status.FAILED: Ending(
            stage=Stage(FIRST_JOBS["failed"]),
            streams=first_stream(
                # Its sentence was recorded (PROTOCOL §1.3).
                {
                    **FIRST_CANCELLED,
                    "message": "Error: The majority of examples in the training file contain more than the "
                    "2048 tokens allowed for this model.",
                },
            ),
            lines=[
                Line(
                    "Error: The majority of examples in the training file contain more than the 2048 tokens "
                    "allowed for this model.",
                    seconds(1691713825),
                )
            ],
            error="The majority of examples in the training file contain more than the 2048 tokens allowed "
            "for this model.",
        ),
        Status.CANCELLED: Ending(
            stage=Stage(FIRST_JOBS["cancelled"]),
            streams=first_stream(FIRST_CANCELLED),
            lines=[line_of(FIRST_CANCELLED)],
        ),
    },
)

# Azure's first API: OpenAI's with other words; these versions answer the stream with the list here

AZURE_FIRST_VERSION = "api-version=2022-12-01"
AZURE_FIRST_ID = "ft-72a2792ef7d24ba7b82c7fe4a37e379f"
AZURE_FIRST_EVENTS = sample("azure_legacy_events")["data"]
# Made (PROTOCOL §3.1).
AZURE_FIRST_JOB = {
    "object": "fine-tune",
    "id": AZURE_FIRST_ID,
    "model": "curie",
    "organisation_id": "",
    "created_at": 1646126127,
    "updated_at": 1646126192,
    "hyperparams": {"n_epochs": 2},
}


def azure_first(status: str, count: int, **more: Any) -> Stage:
    listing = listed(*AZURE_FIRST_EVENTS[:count])
    path = f"/fine-tunes/{AZURE_FIRST_ID}/events?stream="
    job = {**AZURE_FIRST_JOB, "status": status, **more}
    return Stage(job, {f"{path}{word}&{AZURE_FIRST_VERSION}": listing for word in ("true", "false")})


AZURE_FIRST = Case(
    job_id=AZURE_FIRST_ID,
    dialect="azure-fine-tunes",
    base="/openai",
    path=f"/fine-tunes/{AZURE_FIRST_ID}?{AZURE_FIRST_VERSION}",
    stages=[azure_first("notRunning", 1), azure_first("running", 2)],
    lines=[line_of(each) for each in AZURE_FIRST_EVENTS[:2]],
    endings={
        Status.SUCCEEDED: Ending(
            stage=azure_first("succeeded", 3, fine_tuned_model="curie.ft-72a2"),
            lines=[line_of(AZURE_FIRST_EVENTS[2])],
            model="curie.ft-72a2",
        ),
        Status.FAILED: Ending(stage=azure_first("failed", 2)),
        Status.CANCELLED: Ending(stage=azure_first("canceled", 2)),
    },
)

# OpenAI's second API

OPENAI_DONE = sample("openai_job_succeeded")
OPENAI_ID: str = OPENAI_DONE["id"]
OPENAI_STARTED = sample("openai_jobs_events_started")["data"]
OPENAI_CHECKPOINTS = sample("openai_checkpoints")["data"]
OPENAI_ERROR_EVENT = {**sample("openai_jobs_event_error")["data"][0], "created_at": 1723886480}
OPENAI_FAILED = sample("openai_job_failed")
OPENAI_CANCELLED = next(
    each for each in sample("openai_jobs_list_one_per_status")["data"] if each["status"] == "cancelled"
)
# Made: one step of training, and the end of the recorded job (PROTOCOL §2.3).
OPENAI_STEP = {
    "object": "fine_tuning.job.event",
    "id": "ftevent-step10",
    "created_at": 1723886000,
    "level": "info",
    "message": "Step 10/240: training loss=0.50, validation loss=0.75",
    "data": {"step": 10, "total_steps": 240, "train_loss": 0.5, "valid_loss": 0.75},
    "type": "metrics",
}
OPENAI_LAST = {
    **OPENAI_STEP,
    "id": "ftevent-last",
    "created_at": 1723886498,
    "message": "The job has successfully completed",
    "data": {},
    "type": "message",
}
OPENAI_STOPPING = {
    **OPENAI_LAST,
    "id": "ftevent-stopping",
    "message": "Fine tuning process stopping due to job cancellation",
    "level": "warn",
}


OPENAI_PATH = f"/fine_tuning/jobs/{OPENAI_ID}"


def openai(status: str, count: int) -> Stage:
    """Return a stage of the job before its end, with the newest so many of the first events."""
    job = {**OPENAI_DONE, "status": status, "finished_at": None, "fine_tuned_model": None}
    events = [OPENAI_STEP, *OPENAI_STARTED]
    return Stage(job, {f"{OPENAI_PATH}/events?limit=100": listed(*events[-count:])})


def openai_ended(job: Fields, last: Fields, *checkpoints: Fields) -> Stage:
    """Return the last stage, whose list has two pages."""
    path = f"{OPENAI_PATH}/events?limit=100"
    lists = {
        path: listed(last, OPENAI_STEP, has_more=True),
        f"{path}&after={OPENAI_STEP['id']}": listed(*OPENAI_STARTED),
        f"{OPENAI_PATH}/checkpoints?limit=100": listed(*checkpoints),
    }
    return Stage({**job, "id": OPENAI_ID}, lists)


def checkpoint_line(fields: Fields, told: str) -> Line:
    name, metrics = fields["fine_tuned_model_checkpoint"], fields["metrics"]
    return Line(
        f"Checkpoint {name}: {told}",
        seconds(fields["created_at"]),
        step=fields["step_number"],
        train=metrics["train_loss"],
        valid=metrics.get("full_valid_loss", metrics["valid_loss"]),
        is_spare=True,
    )


OPENAI = Case(
    job_id=OPENAI_ID,
    dialect="fine-tuning-jobs",
    base="/v1",
    path=OPENAI_PATH,
    stages=[openai("validating_files", 2), openai("queued", 3), openai("running", 4), openai("running", 5)],
    lines=[*map(line_of, OPENAI_STARTED[::-1]), line_of(OPENAI_STEP, step=10, train=0.5, valid=0.75)],
    endings={
        Status.SUCCEEDED: Ending(
            stage=openai_ended(OPENAI_DONE, OPENAI_LAST, *OPENAI_CHECKPOINTS),
            lines=[
                checkpoint_line(
                    OPENAI_CHECKPOINTS[2],
                    "Step 80: training loss=0.00283563, validation loss=0.00118509",
                ),
                checkpoint_line(
                    OPENAI_CHECKPOINTS[1],
                    "Step 160: training loss=3.60225e-05, validation loss=0.00014691",
                ),
                checkpoint_line(
                    OPENAI_CHECKPOINTS[0],
                    "Step 240: training loss=3.45707e-06, validation loss=2.25458e-05",
                ),
                line_of(OPENAI_LAST),
            ],
            model=OPENAI_DONE["fine_tuned_model"],
        ),
        Status.FAILED: Ending(
            stage=openai_ended(OPENAI_FAILED, OPENAI_ERROR_EVENT),
            lines=[line_of(OPENAI_ERROR_EVENT, Level.ERROR)],
            error=OPENAI_FAILED["error"]["message"],
        ),
        Status.CANCELLED: Ending(
            stage=openai_ended(OPENAI_CANCELLED, OPENAI_STOPPING),
            lines=[line_of(OPENAI_STOPPING, Level.WARNING)],
        ),
    },
    total_steps=240,
)

# Azure's second API

AZURE_PENDING = sample("azure_job_pending")
AZURE_CHECKPOINTS = sample("azure_checkpoints")["data"]
AZURE_ID = AZURE_PENDING["id"]
# Made of messages that were recorded (PROTOCOL §3.2). The list goes on after “Job succeeded.”
AZURE_EVENTS = [
    {
        "data": None,
        "created_at": 1748022000 + number,
        "id": f"ftevent-{number:032x}",
        "level": "info",
        "message": message,
        "type": "message",
        "object": "fine_tuning.job.event",
    }
    for number, message in enumerate(
        [
            "Job enqueued. Waiting for jobs ahead to complete.",
            "Job started.",
            "Step 100: training loss=0.0007721185684204102",
            "Completed results file: file-1c7f",
            "Job succeeded.",
            "Training hours billed: 0.500",
        ]
    )
]
AZURE_MODEL = AZURE_CHECKPOINTS[0]["fine_tuned_model_checkpoint"]
AZURE_PATH = f"/fine_tuning/jobs/{AZURE_ID}"
AZURE_VERSION = "api-version=2024-10-21"


def azure(status: str, count: int, *checkpoints: Fields, **more: Any) -> Stage:
    lists = {
        f"{AZURE_PATH}/events?limit=100": listed(*AZURE_EVENTS[count - 1 :: -1]),
        f"{AZURE_PATH}/checkpoints?limit=100": listed(*checkpoints),
    }
    return Stage({**AZURE_PENDING, "status": status, **more}, lists)


def dated(stage: Stage) -> Stage:
    """Return a stage whose routes have a version."""
    return Stage(stage.job, {f"{path}&{AZURE_VERSION}": script for path, script in stage.lists.items()})


AZURE_V1 = Case(
    job_id=AZURE_ID,
    dialect="fine-tuning-jobs",
    base="/openai/v1",
    path=AZURE_PATH,
    stages=[
        azure("pending", 1),
        azure("running", 3),
        azure("running", 5),
        azure("running", 5, *AZURE_CHECKPOINTS),
    ],
    lines=[
        *map(line_of, AZURE_EVENTS[:2]),
        line_of(AZURE_EVENTS[2], step=100, train=0.0007721185684204102),
        *map(line_of, AZURE_EVENTS[3:5]),
        checkpoint_line(
            AZURE_CHECKPOINTS[0],
            "Step 100: training loss=0.000772119, validation loss=1.53027, full validation loss=2.27865",
        ),
    ],
    endings={
        Status.SUCCEEDED: Ending(
            stage=azure("succeeded", 6, *AZURE_CHECKPOINTS, fine_tuned_model=AZURE_MODEL),
            lines=[line_of(AZURE_EVENTS[5])],
            model=AZURE_MODEL,
        ),
        Status.FAILED: Ending(
            stage=azure(
                "failed",
                5,
                *AZURE_CHECKPOINTS,
                error={"code": "jsonlValidationFailed", "message": "Line 3 is no JSON.", "innererror": {}},
            ),
            error="Line 3 is no JSON.",
        ),
        Status.CANCELLED: Ending(stage=azure("cancelled", 5, *AZURE_CHECKPOINTS)),
    },
)

AZURE = replace(
    AZURE_V1,
    dialect="azure",
    base="/openai",
    path=f"{AZURE_PATH}?{AZURE_VERSION}",
    stages=[*map(dated, AZURE_V1.stages)],
    endings={end: replace(ending, stage=dated(ending.stage)) for end, ending in AZURE_V1.endings.items()},
)

# Nebius

NEBIUS_RUNNING = sample("nebius_job_running")
NEBIUS_ID = NEBIUS_RUNNING["id"]
# Made: ids, which were not recorded beside time, level and message.
NEBIUS_EVENTS = [
    {
        "object": "fine_tuning.job.event",
        "id": f"ftevent-{number}",
        "created_at": int(line[1:11]),
        "level": "info",
        "message": line.partition(": ")[2],
        "data": None,
        "type": "message",
    }
    for number, line in enumerate((SAMPLES / "nebius_events_oldest_first.txt").read_text().splitlines())
]
with (SAMPLES / "nebius_checkpoint_losses.csv").open() as _file:
    NEBIUS_LOSSES = [
        (10 * int(row["checkpoint_index"]), float(row["train_loss"]), float(row["valid_loss"]))
        for row in csv.DictReader(_file)
        if row["job"] == NEBIUS_ID
    ]
# Made: steps and times; the losses were recorded.
NEBIUS_CHECKPOINTS = [
    {
        "object": "fine_tuning.job.checkpoint",
        "id": f"ftckpt_{step}",
        "created_at": 1765431100 + step,
        "fine_tuned_model_checkpoint": f"ckpt-{step}",
        "step_number": step,
        "metrics": {"train_loss": train, "valid_loss": valid},
    }
    for step, train, valid in NEBIUS_LOSSES
]
NEBIUS_PATH = f"/fine_tuning/jobs/{NEBIUS_ID}"


def nebius(status: str, events: int, checkpoints: int, **more: Any) -> Stage:
    # Made: the total, which was null when the job began.
    more = {"trained_steps": 10 * checkpoints, "total_steps": 100 if events > 1 else None, **more}
    lists = {
        f"{NEBIUS_PATH}/events?limit=100": listed(*NEBIUS_EVENTS[:events]),
        f"{NEBIUS_PATH}/checkpoints?limit=100": listed(*NEBIUS_CHECKPOINTS[:checkpoints]),
    }
    return Stage({**NEBIUS_RUNNING, "status": status, **more}, lists)


NEBIUS = Case(
    job_id=NEBIUS_ID,
    dialect="fine-tuning-jobs",
    base="/v1",
    path=NEBIUS_PATH,
    stages=[
        nebius("running", 1, 0),
        nebius("running", 3, 0),
        nebius("running", 3, 1),
        nebius("running", 3, 10),
    ],
    lines=[
        *map(line_of, NEBIUS_EVENTS[:3]),
        *[
            checkpoint_line(each, f"Step {step}: training loss={train:.6g}, validation loss={valid:.6g}")
            for each, (step, train, valid) in zip(NEBIUS_CHECKPOINTS, NEBIUS_LOSSES, strict=True)
        ],
    ],
    endings={
        Status.SUCCEEDED: Ending(
            stage=nebius("succeeded", 4, 10, finished_at=1765431305),
            lines=[line_of(NEBIUS_EVENTS[3])],
        ),
        Status.FAILED: Ending(
            stage=nebius("failed", 3, 10, error={"code": "x", "message": "Out of memory", "param": None}),
            error="Out of memory",
        ),
        Status.CANCELLED: Ending(stage=nebius("cancelled", 3, 10, error={})),
    },
    total_steps=100,
)

# Together

TOGETHER_ID = "ft-4c2a3b1d-1f2e-4a5b-8c9d-0e1f2a3b4c5d"
# Made (PROTOCOL §4).
TOGETHER_JOB = {
    "id": TOGETHER_ID,
    "model": "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference",
    "model_output_name": "someone/llama-4c2a3b1d",
    "n_epochs": 1,
    "n_checkpoints": 1,
    "created_at": "2026-05-19T13:09:00.000Z",
    "updated_at": "2026-05-19T13:12:30.000Z",
}
# Made of recorded messages, with times that fit the recorded figures.
TOGETHER_EVENTS = [
    {
        "object": "fine-tune-event",
        "created_at": f"2026-05-19T13:{minute}Z",
        "message": message,
        "type": kind,
        "level": level,
        "hash": "",
    }
    for minute, message, kind, level in [
        ("09:00", "Fine tune request created", "JOB_PENDING", ""),
        ("09:30", "Job started at Tue May 19 13:09:30 UTC 2026", "JOB_START", None),
        ("12:20", "Epoch completed, at step 3", "epoch_complete", "info"),
        ("12:30", "Job finished at 2026-05-19T13:12:30", "job_complete", "legacy_info"),
        ("12:30", "Training failed", "JOB_USER_ERROR", None),
        ("12:30", "Job was stopped", "job_stopped", "legacy_iwarning"),
    ]
]
TOGETHER_ROWS = sample("together_metrics_docs_illustrative")["metrics"]
# Made of together 3.1.1, `FineTuningListCheckpointsResponse`.
TOGETHER_CHECKPOINTS = [
    {"checkpoint_type": kind, "created_at": f"2026-05-19T13:12:{second}Z", "path": "s3://a/b", "step": 3}
    for second, kind in ((25, "Intermediate (step 3)"), (28, "Final"))
]
TOGETHER_CHECKPOINT = Line(
    f"Checkpoint {TOGETHER_ID}:3: Step 3, Intermediate (step 3)", iso("2026-05-19T13:12:25"), step=3
)
TOGETHER_FINAL = Line(f"Checkpoint {TOGETHER_ID}: Step 3, Final", iso("2026-05-19T13:12:28"), step=3)


def together_line(number: int, level: Level = Level.INFO) -> Line:
    event = TOGETHER_EVENTS[number]
    return Line(str(event["message"]), iso(str(event["created_at"]).removesuffix("Z")), level)


def together_row(row: Fields, words: str) -> Line:
    step, at = row["train/global_step"], seconds(row["timestamp"] / 1e9)
    train, valid = row.get("train/loss"), row.get("eval/loss")
    return Line(f"Step {step}: {words}", at, step=step, train=train, valid=valid)


TOGETHER_PATH = f"/fine-tunes/{TOGETHER_ID}"


def together(status: str, rows: int, *events: int, checkpoints: int = 0, **more: Any) -> Stage:
    lists = {
        f"{TOGETHER_PATH}/checkpoints": answer({"data": TOGETHER_CHECKPOINTS[:checkpoints]}),
        f"{TOGETHER_PATH}/events": answer({"data": [TOGETHER_EVENTS[number] for number in events]}),
        f"{TOGETHER_PATH}/metrics": answer({"metrics": TOGETHER_ROWS[:rows]}),
    }
    return Stage({**TOGETHER_JOB, "status": status, **more}, lists)


TOGETHER = Case(
    job_id=TOGETHER_ID,
    dialect="together",
    base="/v1",
    path=TOGETHER_PATH,
    stages=[
        together("pending", 0),
        together("queued", 0, 0),
        together("running", 0, 0, 1),
        together("compressing", 4, 0, 1),
        together("uploading", 4, 0, 1, 2),
    ],
    lines=[
        together_line(0),
        together_line(1),
        together_row(TOGETHER_ROWS[0], "training loss=2.43"),
        together_row(TOGETHER_ROWS[1], "training loss=2.11"),
        together_row(TOGETHER_ROWS[2], "training loss=1.98"),
        together_row(TOGETHER_ROWS[3], "validation loss=2.05"),
        together_line(2),
    ],
    endings={
        Status.SUCCEEDED: Ending(
            stage=together("completed", 4, 0, 1, 2, 3, checkpoints=2),
            lines=[TOGETHER_CHECKPOINT, TOGETHER_FINAL, together_line(3)],
            model="someone/llama-4c2a3b1d",
        ),
        Status.FAILED: Ending(
            stage=together("user_error", 4, 0, 1, 2, 4, checkpoints=1),
            lines=[TOGETHER_CHECKPOINT, together_line(4, Level.ERROR)],
            error="Training failed",
        ),
        Status.CANCELLED: Ending(
            stage=together("cancelled", 4, 0, 1, 2, 5),
            lines=[together_line(5, Level.WARNING)],
        ),
    },
)

# Mistral

MISTRAL_DONE = sample("mistral_job_success")
MISTRAL_ID = MISTRAL_DONE["id"]
MISTRAL_CREATED, MISTRAL_BEGUN, MISTRAL_OVER = 1717172592, 1717172594, 1717173491


def mistral_ended(word: str) -> Fields:
    """Return the recorded job as if it had ended otherwise."""
    last = {"name": "status-updated", "data": {"status": word}, "created_at": MISTRAL_OVER}
    events = [last, *MISTRAL_DONE["events"][1:]]
    return {**MISTRAL_DONE, "status": word, "events": events, "fine_tuned_model": None}


MISTRAL = Case(
    job_id=MISTRAL_ID,
    dialect="mistral",
    base="/v1",
    path=f"/fine_tuning/jobs/{MISTRAL_ID}",
    stages=[
        Stage({**mistral_ended("QUEUED"), "events": MISTRAL_DONE["events"][2:], "checkpoints": []}),
        Stage({**mistral_ended("RUNNING"), "events": MISTRAL_DONE["events"][1:], "checkpoints": []}),
        Stage({**mistral_ended("RUNNING"), "events": MISTRAL_DONE["events"][1:]}),
    ],
    lines=[
        Line("The job is pending (QUEUED)", seconds(MISTRAL_CREATED)),
        Line("The job is running", seconds(MISTRAL_BEGUN)),
        Line(
            "Checkpoint: Step 100/100: training loss=0.816135, validation loss=0.819697",
            seconds(1717173470),
            step=100,
            train=0.816135,
            valid=0.819697,
            is_spare=True,
        ),
    ],
    endings={
        Status.SUCCEEDED: Ending(
            stage=Stage(MISTRAL_DONE),
            lines=[Line("The job succeeded (SUCCESS)", seconds(MISTRAL_OVER))],
            model=MISTRAL_DONE["fine_tuned_model"],
        ),
        # Made.
        Status.FAILED: Ending(
            stage=Stage(mistral_ended("FAILED_VALIDATION")),
            lines=[Line("The job failed (FAILED_VALIDATION)", seconds(MISTRAL_OVER), Level.ERROR)],
            error="The job failed (FAILED_VALIDATION)",
        ),
        Status.CANCELLED: Ending(
            stage=Stage(mistral_ended("CANCELLED")),
            lines=[Line("The job was cancelled", seconds(MISTRAL_OVER))],
        ),
    },
    total_steps=100,
)

# Hugging Face Jobs

HF_JOB = sample("hf_jobs_job_running_docs")
HF_ID = HF_JOB["id"]
HF_PATH = f"/api/jobs/someone/{HF_ID}"
# Made of a trainer's lines (TRAINERS §3).
HF_LINES = [
    "===== Job started at 2025-07-22 16:06:31 =====",
    "  0%|          | 0/4 [00:00<?, ?it/s]",
    " 50%|█████     | 2/4 [00:12<00:12, 6.1s/it]",
    "{'loss': '1.5', 'grad_norm': '0.5', 'learning_rate': '1e-05', 'epoch': '0.5'}",
    "{'loss': '1.25', 'grad_norm': '0.5', 'learning_rate': '1e-05', 'epoch': '0.5'}",
    "{'loss': '1.25', 'grad_norm': '0.5', 'learning_rate': '1e-05', 'epoch': '0.5'}",
    "{'train_runtime': '24.5', 'train_loss': '1.375', 'epoch': '1'}",
]
HF_FRAMES = [
    frames({"data": line, "timestamp": f"2025-07-22T16:07:{second:02}.645Z"})
    for second, line in enumerate(HF_LINES)
]


def hf_line(number: int, train: float | None = None) -> Line:
    at = iso(f"2025-07-22T16:07:{number:02}.645")
    return Line(HF_LINES[number], at, step=2 if train else None, train=train)


# Cut in the middle, and replayed with a last line that lacks its blank one.
HF_STREAMS = {
    f"{HF_PATH}/logs": [
        sse(b": keep-alive\n\n" + b"".join(HF_FRAMES[:5]) + HF_FRAMES[5][:20]),
        sse(b"".join(HF_FRAMES)[:-2]),
    ]
}


def hf(stage: str, message: str | None = None, **more: Any) -> Stage:
    return Stage({**HF_JOB, "status": {"stage": stage, "message": message}, **more})


HUGGING_FACE = Case(
    job_id=f"someone/{HF_ID}",
    dialect="hugging-face-jobs",
    path=HF_PATH,
    stages=[hf("SCHEDULING"), hf("RUNNING")],
    stream=f"{HF_PATH}/logs",
    lines=[hf_line(0), hf_line(3, 1.5), hf_line(4, 1.25), hf_line(5, 1.25), hf_line(6)],
    endings={
        Status.SUCCEEDED: Ending(
            stage=hf("COMPLETED", finishedAt="2025-07-22T16:08:00Z"), streams=HF_STREAMS
        ),
        Status.FAILED: Ending(
            stage=hf("ERROR", "Job failed with exit code: 1"),
            streams=HF_STREAMS,
            error="Job failed with exit code: 1",
        ),
        Status.CANCELLED: Ending(stage=hf("CANCELED"), streams=HF_STREAMS),
    },
    total_steps=4,
)

# NVIDIA NeMo Customizer

NEMO_ID = "cust-AbCdEfGhIjKlMnOpQrStUv"
NEMO_FAILED = sample("nemo_customizer_status_failed_at_100")
NEMO_CURVES = NEMO_FAILED["metrics"]["metrics"]
NEMO_CREATED = Line("created", iso("2025-06-20T04:20:22.061480"))


def nemo(status: str, train: int, valid: int) -> Stage:
    """Return the recorded document as it was before: with fewer points of its curves."""
    curves = {"train_loss": NEMO_CURVES["train_loss"][:train], "val_loss": NEMO_CURVES["val_loss"][:valid]}
    return Stage({**NEMO_FAILED, "status": status, "metrics": {"metrics": curves}})


def nemo_lines(name: str, words: str) -> list[Line]:
    figure = "train" if name == "train_loss" else "valid"
    return [
        Line(
            f"Step {point['step']}: {words}={point['value']:.6g}",
            iso(point["timestamp"]),
            step=point["step"],
            **{figure: point["value"]},
        )
        for point in NEMO_CURVES[name]
    ]


NEMO = Case(
    job_id=NEMO_ID,
    dialect="nemo-customizer",
    path=f"/v1/customization/jobs/{NEMO_ID}/status",
    stages=[nemo("created", 0, 0), nemo("pending", 0, 0), nemo("running", 2, 0), nemo("running", 21, 0)],
    lines=[
        NEMO_CREATED,
        *sorted(
            [*nemo_lines("train_loss", "training loss"), *nemo_lines("val_loss", "validation loss")],
            key=lambda line: line.at or ARRIVAL,
        ),
    ],
    endings={
        # Made, but for the one that failed.
        Status.SUCCEEDED: Ending(stage=Stage({**NEMO_FAILED, "status": "completed"})),
        Status.FAILED: Ending(stage=Stage(NEMO_FAILED)),
        Status.CANCELLED: Ending(stage=Stage({**NEMO_FAILED, "status": "cancelled"})),
    },
)

# NeMo Platform

PLATFORM_ACTIVE = sample("nemo_platform_status_active")


def platform(status: str, training: str, **details: Any) -> Stage:
    """Return the documented answer with other figures of the step that trains. Made."""
    download, step = PLATFORM_ACTIVE["steps"]
    told = {**step["tasks"][0]["status_details"], **details}
    steps = [download, {**step, "status": training, "tasks": [{"status_details": told}]}]
    return Stage({**PLATFORM_ACTIVE, "status": status, "steps": steps})


def platform_step(number: int, loss: float, valid: float | None = None) -> Line:
    words = f"Step {number}/94: training loss={loss:.6g}"
    words += f", validation loss={valid:.6g}" if valid else ""
    return Line(words, step=number, train=loss, valid=valid, is_fleeting=number < 94)


PLATFORM_OVER = {"step": 94, "train_loss": 1.25}

NEMO_PLATFORM = Case(
    job_id="default/my-sft-job",
    dialect="nemo-platform",
    path="/apis/jobs/v2/workspaces/default/jobs/my-sft-job/status",
    stages=[
        Stage({**PLATFORM_ACTIVE, "status": "created", "steps": []}),
        Stage(PLATFORM_ACTIVE),
        platform("active", "active", step=47, train_loss=1.5, val_loss=1.75),
    ],
    lines=[
        Line("model-and-dataset-download: active"),
        Line("model-and-dataset-download: completed"),
        Line("training: active"),
        platform_step(8, 2.8918895721435547),
        platform_step(47, 1.5, 1.75),
    ],
    endings={
        # Made.
        Status.SUCCEEDED: Ending(
            stage=platform("completed", "completed", **PLATFORM_OVER),
            lines=[platform_step(94, 1.25), Line("training: completed")],
        ),
        Status.FAILED: Ending(
            stage=platform("error", "error", message="Out of memory", **PLATFORM_OVER),
            lines=[platform_step(94, 1.25), Line("training: error: Out of memory", level=Level.ERROR)],
            error="Out of memory",
        ),
        Status.CANCELLED: Ending(
            stage=platform("cancelled", "cancelled", **PLATFORM_OVER),
            lines=[platform_step(94, 1.25), Line("training: cancelled")],
        ),
    },
    total_steps=94,
)

# DashScope

DASHSCOPE_DONE = sample("dashscope_job_succeeded")
DASHSCOPE_ID = DASHSCOPE_DONE["output"]["job_id"]
# Made: the steps, of which the documentation shows the last lines alone.
DASHSCOPE_STEPS = [
    Line("{'loss': 1.5, 'learning_rate': 1.6e-05, 'epoch': 0.43}", step=1, train=1.5),
    Line("{'loss': 1.25, 'learning_rate': 8e-06, 'epoch': 0.86}", step=2, train=1.25),
]
DASHSCOPE_LOGS = [line.message for line in DASHSCOPE_STEPS] + sample("dashscope_logs")["output"]["logs"]


DASHSCOPE_PATH = f"/fine-tunes/{DASHSCOPE_ID}"


def dashscope(status: str, lines: int, **more: Any) -> Stage:
    """Return a stage in which the log has so many lines."""
    logs = {
        f"{DASHSCOPE_PATH}/logs?offset={start}&line=1000": answer(
            {"request_id": "1", "output": {"total": lines, "logs": DASHSCOPE_LOGS[start:lines]}}
        )
        for start in range(lines + 1)
    }
    output = {**DASHSCOPE_DONE["output"], "finetuned_output": None, "status": status, **more}
    return Stage({**DASHSCOPE_DONE, "output": output}, logs)


DASHSCOPE = Case(
    job_id=DASHSCOPE_ID,
    dialect="dashscope",
    base="/api/v1",
    path=DASHSCOPE_PATH,
    stages=[dashscope("PENDING", 0), dashscope("QUEUING", 0), dashscope("RUNNING", 3)],
    lines=[*DASHSCOPE_STEPS, *[Line(line.strip()) for line in DASHSCOPE_LOGS[2:]]],
    endings={
        Status.SUCCEEDED: Ending(
            stage=dashscope("SUCCEEDED", 8, finetuned_output=DASHSCOPE_DONE["output"]["finetuned_output"]),
            model="qwen3-14b-suffix-ft-202410291653-1c7f",
        ),
        # Made.
        Status.FAILED: Ending(
            stage=dashscope("FAILED", 8, message="The data is invalid."),
            error="The data is invalid.",
        ),
        Status.CANCELLED: Ending(stage=dashscope("CANCELED", 8)),
    },
)

# Replicate

REPLICATE_STARTING = sample("replicate_training_starting")
REPLICATE_ID = REPLICATE_STARTING["id"]
REPLICATE_PROCESSING = {**sample("replicate_training_processing"), "id": REPLICATE_ID}
# Made.
REPLICATE_LOG = "Loading\nstep 1: train loss 1.5, val loss 2.5\nstep 2: tr"
REPLICATE_WHOLE_LOG = f"{REPLICATE_LOG}ain loss 1.25, val loss 2.25"
REPLICATE_OVER = {
    **REPLICATE_PROCESSING,
    "logs": REPLICATE_WHOLE_LOG,
    "completed_at": "2023-08-16T19:40:00.000000Z",
}

REPLICATE = Case(
    job_id=REPLICATE_ID,
    dialect="replicate",
    base="/v1",
    path=f"/trainings/{REPLICATE_ID}",
    stages=[
        Stage(REPLICATE_STARTING),
        Stage(REPLICATE_PROCESSING),
        Stage({**REPLICATE_PROCESSING, "logs": REPLICATE_LOG}),
    ],
    lines=[
        Line("Loading"),
        Line("step 1: train loss 1.5, val loss 2.5", step=1, train=1.5, valid=2.5),
        Line("step 2: train loss 1.25, val loss 2.25", step=2, train=1.25, valid=2.25),
    ],
    endings={
        Status.SUCCEEDED: Ending(
            stage=Stage(
                {**REPLICATE_OVER, "status": "succeeded", "output": {"version": "someone/model:39ed"}}
            ),
            model="someone/model:39ed",
        ),
        Status.FAILED: Ending(
            stage=Stage({**REPLICATE_OVER, "status": "failed", "error": "Out of memory"}),
            error="Out of memory",
        ),
        Status.CANCELLED: Ending(stage=Stage({**REPLICATE_OVER, "status": "canceled"})),
    },
)

# LocalAI

LOCALAI_ID = "6f1c1f9e-3b0a-4f6e-9f43-0f5d3a4c2b1a"
LOCALAI_PATH = f"/api/fine-tuning/jobs/{LOCALAI_ID}"
LOCALAI_STEPS = (SAMPLES / "localai_progress_illustrative.sse").read_bytes()
LOCALAI_STEPS = LOCALAI_STEPS[: LOCALAI_STEPS.index(b'data: {"status":"error"')]
LOCALAI_STEPS = LOCALAI_STEPS.replace(b"completed", b"saving")
# Made of LocalAI's source (SERVICES §2.4).
LOCALAI_JOB = {
    "id": LOCALAI_ID,
    "model": "Qwen/Qwen3-0.6B",
    "backend": "trl",
    "training_type": "lora",
    "training_method": "sft",
    "output_dir": "finetune/out",
    "created_at": "2026-08-22T12:00:00Z",
}
LOCALAI_LOADING = {"job_id": LOCALAI_ID, "current_step": 0, "total_steps": 100, "loss": 0}
LOCALAI_LOADING |= {"status": "loading_model"}


def localai_stream(**last: Any) -> dict[str, Sequence[Script]]:
    """Return the stream of one reader, and what another one gets of it later: nothing of the past."""
    end = {"job_id": LOCALAI_ID, "current_step": 100, "total_steps": 100, **last}
    first = frames(LOCALAI_LOADING, LOCALAI_LOADING)
    return {f"{LOCALAI_PATH}/progress": [sse(first, LOCALAI_STEPS), sse(frames(end))]}


LOCALAI = Case(
    job_id=LOCALAI_ID,
    dialect="localai",
    path=LOCALAI_PATH,
    stages=[Stage({**LOCALAI_JOB, "status": "queued"}), Stage({**LOCALAI_JOB, "status": "training"})],
    stream=f"{LOCALAI_PATH}/progress",
    lines=[
        Line("Status: loading_model"),
        Line("Step 10/100: training loss=1.23", step=10, train=1.23),
        Line("Step 100/100: training loss=0.9", step=100, train=0.9),
    ],
    endings={
        Status.SUCCEEDED: Ending(
            stage=Stage({**LOCALAI_JOB, "status": "completed", "message": "Done"}),
            streams=localai_stream(status="completed", message="Training is done"),
            lines=[Line("Training is done")],
        ),
        Status.FAILED: Ending(
            stage=Stage({**LOCALAI_JOB, "status": "failed", "message": "Out of memory"}),
            streams=localai_stream(status="failed", message="Out of memory"),
            lines=[Line("Out of memory")],
            error="Out of memory",
        ),
        Status.CANCELLED: Ending(
            stage=Stage({**LOCALAI_JOB, "status": "stopped"}),
            streams=localai_stream(status="stopped", message="Stopped by the user"),
            lines=[Line("Stopped by the user")],
        ),
    },
    total_steps=100,
)

# Scale's llm-engine

LLM_ENGINE_ID = "ft-cabcdefg123456789hij"
LLM_ENGINE_PATH = f"/fine-tunes/{LLM_ENGINE_ID}"
# Made (PROTOCOL §7): a message is what a trainer printed.
LLM_ENGINE_LINES = [
    Line("{'loss': 2.5, 'learning_rate': 0.002, 'epoch': 0.7}", seconds(1689665099.25), step=1, train=2.5),
    Line("{'loss': 2.25, 'learning_rate': 0.001, 'epoch': 1.4}", seconds(1689665100.25), step=2, train=2.25),
    Line(
        "{'eval_loss': 1.75, 'eval_runtime': 3.1, 'epoch': 2.0}", seconds(1689665101.25), step=2, valid=1.75
    ),
    Line("{'train_runtime': 97.5, 'train_loss': 2.375, 'epoch': 2.0}", seconds(1689665102.25)),
]


def llm_engine(status: str, count: int) -> Stage:
    """Return a stage with so many events; there is no list before the first one."""
    events = [
        {"timestamp": line.at.timestamp() if line.at else None, "message": line.message, "level": "info"}
        for line in LLM_ENGINE_LINES[:count]
    ]
    script = answer({"events": events}) if events else answer({"detail": "Fine-tune events not found"}, 404)
    lists = {f"{LLM_ENGINE_PATH}/events?stream={word}": script for word in ("true", "false")}
    return Stage({"id": LLM_ENGINE_ID, "fine_tuned_model": None, "status": status}, lists)


LLM_ENGINE = Case(
    job_id=LLM_ENGINE_ID,
    dialect="fine-tunes",
    base="/v1/llm",
    path=LLM_ENGINE_PATH,
    stages=[llm_engine("PENDING", 0), llm_engine("RUNNING", 0), llm_engine("RUNNING", 1)],
    lines=LLM_ENGINE_LINES,
    endings={
        Status.SUCCEEDED: Ending(stage=llm_engine("SUCCESS", 4)),
        Status.FAILED: Ending(stage=llm_engine("FAILURE", 4)),
        Status.CANCELLED: Ending(stage=llm_engine("CANCELLED", 4)),
    },
)

# Unsloth Studio

UNSLOTH_ID = "job_20261101_120000_ab12cd34"
UNSLOTH_STREAM = (SAMPLES / "unsloth_studio_progress_illustrative.sse").read_bytes()
UNSLOTH_PROGRESS = f"/api/train/progress?expected_job_id={UNSLOTH_ID}"
UNSLOTH_LOSSES = [(step, 1.1) for step in (1, 2, 3, 60)]
"""The stream misses steps: it tells the newest one of each second."""


def unsloth(status: str, losses: Sequence[tuple[int, float]], **more: Any) -> Fields:
    """Return a run as Studio's own list has it, made by its source."""
    run = {
        "id": UNSLOTH_ID,
        "status": status,
        "model_name": "unsloth/Qwen3-0.6B",
        "dataset_name": "alpaca",
        "started_at": "2026-11-01T12:00:00+00:00",
        "total_steps": 60,
        "preview_sig": "token",
        **more,
    }
    metrics = {
        "step_history": [step for step, _ in losses],
        "loss_step_history": [step for step, _ in losses],
        "loss_history": [loss for _, loss in losses],
        "eval_step_history": [60][: len(losses) // 4],
        "eval_loss_history": [1.25][: len(losses) // 4],
    }
    return {"run": run, "config": {"hf_token": "secret"}, "metrics": metrics}


def unsloth_ended(status: str, **more: Any) -> Stage:
    return Stage(unsloth(status, UNSLOTH_LOSSES, ended_at="2026-11-01T12:10:00+00:00", **more))


UNSLOTH_STREAMS = {UNSLOTH_PROGRESS: [sse(UNSLOTH_STREAM)]}

UNSLOTH = Case(
    job_id=UNSLOTH_ID,
    dialect="unsloth-studio",
    path=f"/api/train/runs/{UNSLOTH_ID}",
    stages=[Stage(unsloth("running", []))],
    stream=UNSLOTH_PROGRESS,
    lines=[
        *[
            Line(f"Step {step}: training loss=1.1", step=step, train=loss, is_spare=step > 2)
            for step, loss in UNSLOTH_LOSSES
        ],
        Line("Step 60: validation loss=1.25", step=60, valid=1.25, is_spare=True),
    ],
    endings={
        # `complete` ends the stream of each of them.
        Status.SUCCEEDED: Ending(stage=unsloth_ended("completed"), streams=UNSLOTH_STREAMS),
        Status.FAILED: Ending(
            stage=unsloth_ended("error", error_message="CUDA out of memory"),
            streams=UNSLOTH_STREAMS,
            error="CUDA out of memory",
        ),
        Status.CANCELLED: Ending(stage=unsloth_ended("stopped"), streams=UNSLOTH_STREAMS),
    },
    total_steps=60,
)

# Fireworks

FIREWORKS_ID = "someone/my-tuning-job"
# Made (PROTOCOL §6).
FIREWORKS_JOB = {
    "name": "accounts/someone/supervisedFineTuningJobs/my-tuning-job",
    "baseModel": "accounts/fireworks/models/llama-v3p1-8b-instruct",
    "outputModel": "accounts/someone/models/m",
    "createTime": "2026-07-21T12:00:00Z",
    "metricsFileSignedUrl": "https://example.com/secret",
}


def fireworks(state: str, **more: Any) -> Stage:
    return Stage({**FIREWORKS_JOB, "state": state, **more})


FIREWORKS_OVER = "2026-07-21T13:00:00Z"

FIREWORKS = Case(
    job_id=FIREWORKS_ID,
    dialect="fireworks",
    base="/v1",
    path="/accounts/someone/supervisedFineTuningJobs/my-tuning-job",
    stages=[
        fireworks("JOB_STATE_CREATING"),
        fireworks("JOB_STATE_RUNNING", updateTime="2026-07-21T12:10:00Z"),
    ],
    lines=[
        Line("The job is pending (JOB_STATE_CREATING)", ARRIVAL, is_fleeting=True),
        Line("The job is running (JOB_STATE_RUNNING)", iso("2026-07-21T12:10:00"), is_fleeting=True),
    ],
    endings={
        Status.SUCCEEDED: Ending(
            stage=fireworks("JOB_STATE_COMPLETED", completedTime=FIREWORKS_OVER),
            lines=[Line("The job succeeded (JOB_STATE_COMPLETED)", iso("2026-07-21T13:00:00"))],
            model="accounts/someone/models/m",
        ),
        Status.FAILED: Ending(
            stage=fireworks(
                "JOB_STATE_FAILED",
                completedTime=FIREWORKS_OVER,
                status={"code": "INTERNAL", "message": "No GPU was left"},
            ),
            lines=[
                Line(
                    "The job failed (JOB_STATE_FAILED): No GPU was left",
                    iso("2026-07-21T13:00:00"),
                    Level.ERROR,
                )
            ],
            error="No GPU was left",
        ),
        Status.CANCELLED: Ending(
            stage=fireworks("JOB_STATE_CANCELLED", completedTime=FIREWORKS_OVER),
            lines=[Line("The job was cancelled (JOB_STATE_CANCELLED)", iso("2026-07-21T13:00:00"))],
        ),
    },
)


def fireworks_kind(kind: str, dialect: str) -> Case:
    """Return the same job as one of another kind."""
    return replace(FIREWORKS, dialect=dialect, path=FIREWORKS.path.replace("supervisedFineTuningJobs", kind))


CASES = {
    "OpenAI's first API": OPENAI_FIRST,
    "Azure's first API": AZURE_FIRST,
    "OpenAI": OPENAI,
    "Azure v1": AZURE_V1,
    "Azure": AZURE,
    "Nebius": NEBIUS,
    "Together": TOGETHER,
    "Mistral": MISTRAL,
    "Hugging Face Jobs": HUGGING_FACE,
    "NeMo Customizer": NEMO,
    "NeMo Platform": NEMO_PLATFORM,
    "DashScope": DASHSCOPE,
    "Replicate": REPLICATE,
    "LocalAI": LOCALAI,
    "llm-engine": LLM_ENGINE,
    "Unsloth Studio": UNSLOTH,
    "Fireworks": FIREWORKS,
    "Fireworks, reinforcement": fireworks_kind("reinforcementFineTuningJobs", "fireworks-reinforcement"),
    "Fireworks, preferences": fireworks_kind("dpoJobs", "fireworks-dpo"),
}
