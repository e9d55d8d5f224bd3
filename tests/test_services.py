import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ftmon.model.curve import Curve
from ftmon.model.job import Status
from ftmon.model.run import Run
from ftmon.settings import Key, Settings
from ftmon.settings.choice import read_settings
from tests.servers.fine_tunes import Fields, answer, head
from tests.servers.scripted import End, Script, Server
from tests.test_follow import PACE, Told, followed_as, followed_at

SAMPLES = Path(__file__).parent / "samples"
SHORT = replace(PACE, late=0.2, proof=0.2)


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def sse(body: bytes) -> Script:
    """Return a whole stream that ends with its connection."""
    return [head(), body]


def frames(*objects: Fields) -> bytes:
    return b"".join(b"data: " + json.dumps(fields).encode() + b"\n\n" for fields in objects)


@dataclass(frozen=True)
class Case:
    """A job of a service: what the service answers, and what is to be told of it."""

    job_id: str
    routes: Mapping[str, Sequence[Script]]
    messages: Sequence[str]
    dialect: str
    base: str = ""
    status: Status = Status.SUCCEEDED
    train: Sequence[tuple[int, float]] = ()
    valid: Sequence[tuple[int, float]] = ()
    model: str | None = None
    error: str | None = None


def spelled(job: Fields, statuses: Sequence[str], name: str = "status", **last: Any) -> list[Script]:
    """Return one reading of a job for each status; the last one has more fields."""
    jobs = [{**job, name: word} for word in statuses]
    return [*map(answer, jobs[:-1]), answer({**jobs[-1], **last})]


NEBIUS_ID = "ftjob-c7cc1f8df48144aeb180a5bf5818dc81"
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
NEBIUS_CHECKPOINTS = [
    {
        "object": "fine_tuning.job.checkpoint",
        "id": f"ftckpt_{step}",
        "created_at": 1765431100 + step,
        "fine_tuned_model_checkpoint": f"ckpt-{step}",
        "step_number": step,
        "metrics": {"train_loss": 1 / step, "valid_loss": 2 / step},
    }
    for step in (10, 20)
]

AZURE_JOB = sample("azure_job_pending")
AZURE_ID = AZURE_JOB["id"]
AZURE_CHECKPOINTS = sample("azure_checkpoints")
AZURE_EVENTS: Sequence[Fields] = [
    {
        "data": data,
        "created_at": 1748022000 + second,
        "id": f"ftevent-{second:032x}",
        "level": "info",
        "message": message,
        "object": "fine_tuning.job.event",
        "type": "metrics" if data else "message",
    }
    for second, message, data in [
        (0, "Job enqueued. Waiting for jobs ahead to complete.", None),
        (60, "Job started.", None),
        (
            500,
            "Step 100: training loss=0.0007721185684204102",
            {"step": 100, "train_loss": 0.0007721185684204102, "full_valid_loss": 2.278649262820973},
        ),
        (600, "Completed results file: file-7e2b2f5b8d4d4f2c", None),
        (620, "Job succeeded.", None),
        (700, "Training tokens billed: 5000", None),
        (860, "Model Evaluation Passed.", None),
    ]
]
"""Made by PROTOCOL §3.2: the events go on after “Job succeeded.”"""

TOGETHER_ID = "ft-4c2a3b1d-1f2e-4a5b-8c9d-0e1f2a3b4c5d"
TOGETHER_JOB = {
    "id": TOGETHER_ID,
    "model": "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference",
    "model_output_name": "someone/llama-4c2a3b1d",
    "n_epochs": 1,
    "n_checkpoints": 1,
    "created_at": "2026-05-19T13:09:00.000Z",
    "updated_at": "2026-05-19T13:12:30.000Z",
}
TOGETHER_EVENTS = [
    {
        "object": "fine-tune-event",
        "created_at": f"2026-05-19T13:{minute}Z",
        "message": message,
        "type": kind,
        "level": "info",
        "hash": "",
    }
    for minute, message, kind in [
        ("09:00", "Fine tune request created", "JOB_PENDING"),
        ("09:30", "Job started at Tue May 19 13:09:30 UTC 2026", "JOB_START"),
        ("12:20", "Epoch completed, at step 3", "epoch_complete"),
        ("12:30", "Job finished at 2026-05-19T13:12:30", "job_complete"),
    ]
]

MISTRAL_JOB = sample("mistral_job_success")
MISTRAL_ID = MISTRAL_JOB["id"]

HF_ID = "687fb701029421ae5549d998"
HF_JOB = sample("hf_jobs_job_running_docs")
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
HF_SHOWN = [line for line in HF_LINES if "%|" not in line]


def hugging_face(stage: str, message: str | None = None) -> Fields:
    return {**HF_JOB, "status": {"stage": stage, "message": message}, "finishedAt": "2025-07-22T16:08:00Z"}


NEMO_ID = "cust-AbCdEfGhIjKlMnOpQrStUv"
NEMO = sample("nemo_customizer_status_failed_at_100")
NEMO_LOSSES = [(point["step"], point["value"]) for point in NEMO["metrics"]["metrics"]["train_loss"]]
NEMO_VALID = [(point["step"], point["value"]) for point in NEMO["metrics"]["metrics"]["val_loss"]]


def nemo(status: str, points: int) -> Fields:
    """The recorded document as it was before: with fewer points of the training loss."""
    losses = NEMO["metrics"]["metrics"]["train_loss"][:points]
    return {
        **NEMO,
        "status": status,
        "metrics": {"metrics": {"train_loss": losses, "val_loss": []}},
        "status_logs": [],
    }


DASHSCOPE_JOB = sample("dashscope_job_succeeded")
DASHSCOPE_LOGS = sample("dashscope_logs")["output"]["logs"]
DASHSCOPE_ID = "ft-202410291653-1c7f"


def dashscope(status: str) -> Fields:
    return {**DASHSCOPE_JOB, "output": {**DASHSCOPE_JOB["output"], "status": status}}


def logs(lines: Sequence[str], total: int) -> Fields:
    return {"request_id": "1", "output": {"total": total, "logs": lines}}


REPLICATE_JOB = sample("replicate_training_processing")
REPLICATE_ID = REPLICATE_JOB["id"]
REPLICATE_LOG = "Loading\nstep 1: train loss 1.5, val loss 2.5"

LOCALAI_ID = "6f1c1f9e-3b0a-4f6e-9f43-0f5d3a4c2b1a"
LOCALAI_JOB = {
    "id": LOCALAI_ID,
    "model": "Qwen/Qwen3-0.6B",
    "backend": "trl",
    "training_type": "lora",
    "training_method": "sft",
    "output_dir": "finetune/out",
    "created_at": "2026-08-22T12:00:00Z",
}
LOCALAI_FRAMES = [
    {"job_id": LOCALAI_ID, "current_step": 0, "total_steps": 2, "loss": 0, "status": "loading_model"},
    {"job_id": LOCALAI_ID, "current_step": 1, "total_steps": 2, "loss": 1.5, "status": "training"},
    {"job_id": LOCALAI_ID, "current_step": 1, "total_steps": 2, "loss": 1.5, "status": "training"},
    {"job_id": LOCALAI_ID, "current_step": 2, "total_steps": 2, "loss": 1.25, "status": "training"},
    {"job_id": LOCALAI_ID, "current_step": 2, "total_steps": 2, "status": "completed", "message": "Done"},
]

LLM_ENGINE_ID = "ft-cabcdefg123456789hij"
LLM_ENGINE_EVENTS: Sequence[Fields] = [
    {"timestamp": 1689665099.25 + number, "message": message, "level": "info"}
    for number, message in enumerate(
        [
            "{'loss': 2.5, 'learning_rate': 0.002, 'epoch': 0.7}",
            "{'loss': 2.25, 'learning_rate': 0.001, 'epoch': 1.4}",
            "{'eval_loss': 1.75, 'eval_runtime': 3.1, 'epoch': 2.0}",
            "{'train_runtime': 97.5, 'train_loss': 2.375, 'epoch': 2.0}",
        ]
    )
]
"""Made by the fields of PROTOCOL §7: a message is what a trainer printed."""


def llm_engine(status: str) -> Script:
    return answer({"id": LLM_ENGINE_ID, "fine_tuned_model": None, "status": status})


UNSLOTH_ID = "job_20261101_120000_ab12cd34"
UNSLOTH_STREAM = (SAMPLES / "unsloth_studio_progress_illustrative.sse").read_bytes()
UNSLOTH_LOSSES = [(step, 1.1) for step in (1, 2, 3, 60)]
"""The stream misses steps: it tells the newest one of each second."""


def unsloth(status: str, losses: Sequence[tuple[int, float]], **more: Any) -> Fields:
    """A run as Studio's own list has it, made by its source."""
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


FIREWORKS_ID = "someone/my-tuning-job"
FIREWORKS_JOB = {
    "name": "accounts/someone/supervisedFineTuningJobs/my-tuning-job",
    "baseModel": "accounts/fireworks/models/llama-v3p1-8b-instruct",
    "outputModel": "accounts/someone/models/my-model",
    "createTime": "2026-07-21T12:00:00Z",
    "metricsFileSignedUrl": "https://example.com/secret",
}

CASES = {
    "Nebius": Case(
        NEBIUS_ID,
        {
            f"/fine_tuning/jobs/{NEBIUS_ID}": spelled(
                sample("nebius_job_running"), ["running"] * 7 + ["succeeded"]
            ),
            f"/fine_tuning/jobs/{NEBIUS_ID}/events?limit=100": [
                answer({"object": "list", "data": NEBIUS_EVENTS[:count], "has_more": False})
                for count in (1, 3, 3, 4)
            ],
            f"/fine_tuning/jobs/{NEBIUS_ID}/checkpoints?limit=100": [
                answer({"object": "list", "data": [], "has_more": False}),
                answer({"object": "list", "data": NEBIUS_CHECKPOINTS, "has_more": False}),
            ],
        },
        [
            "Job is submitted",
            "Dataset 'validation' processed successfully",
            "Dataset 'training' processed successfully",
            "Checkpoint ckpt-10: Step 10: training loss=0.1, validation loss=0.2",
            "Checkpoint ckpt-20: Step 20: training loss=0.05, validation loss=0.1",
            "Training completed successfully",
        ],
        "fine-tuning-jobs",
        base="/v1",
        train=[(10, 0.1), (20, 0.05)],
        valid=[(10, 0.2), (20, 0.1)],
    ),
    "Azure": Case(
        AZURE_ID,
        {
            f"/fine_tuning/jobs/{AZURE_ID}?api-version=2024-10-21": spelled(
                AZURE_JOB,
                ["pending", *["running"] * 12, "succeeded"],
                finished_at=1748022860,
                fine_tuned_model="gpt-4o-mini-2024-07-18.ft-41e7",
            ),
            f"/fine_tuning/jobs/{AZURE_ID}/events?limit=100&api-version=2024-10-21": [
                answer({"object": "list", "data": AZURE_EVENTS[:count][::-1], "has_more": False})
                for count in (1, 2, 3, 5, 6, 7)
            ],
            f"/fine_tuning/jobs/{AZURE_ID}/checkpoints?limit=100&api-version=2024-10-21": [
                answer({"object": "list", "data": [], "has_more": False})
            ],
        },
        [event["message"] for event in AZURE_EVENTS],
        "azure",
        base="/openai",
        train=[(100, 0.0007721185684204102)],
        valid=[(100, 2.278649262820973)],
        model="gpt-4o-mini-2024-07-18.ft-41e7",
    ),
    "Together": Case(
        TOGETHER_ID,
        {
            f"/fine-tunes/{TOGETHER_ID}": spelled(TOGETHER_JOB, ["pending", "running", "completed"]),
            f"/fine-tunes/{TOGETHER_ID}/events": [answer({"data": TOGETHER_EVENTS})],
            f"/fine-tunes/{TOGETHER_ID}/metrics": [answer(sample("together_metrics_docs_illustrative"))],
        },
        [
            "Fine tune request created",
            "Job started at Tue May 19 13:09:30 UTC 2026",
            "Step 1: training loss=2.43",
            "Step 2: training loss=2.11",
            "Step 3: training loss=1.98",
            "Step 3: validation loss=2.05",
            "Epoch completed, at step 3",
            "Job finished at 2026-05-19T13:12:30",
        ],
        "together",
        base="/v1",
        train=[(1, 2.43), (2, 2.11), (3, 1.98)],
        valid=[(3, 2.05)],
        model="someone/llama-4c2a3b1d",
    ),
    "Mistral": Case(
        MISTRAL_ID,
        {
            f"/fine_tuning/jobs/{MISTRAL_ID}": [
                answer(
                    {
                        **MISTRAL_JOB,
                        "status": "QUEUED",
                        "events": MISTRAL_JOB["events"][2:],
                        "checkpoints": [],
                    }
                ),
                answer({**MISTRAL_JOB, "status": "RUNNING", "events": MISTRAL_JOB["events"][1:]}),
                answer(MISTRAL_JOB),
            ]
        },
        [
            "The job is pending (QUEUED)",
            "The job is running",
            "Checkpoint: Step 100/100: training loss=0.816135, validation loss=0.819697",
            "The job succeeded (SUCCESS)",
        ],
        "mistral",
        base="/v1",
        train=[(100, 0.816135)],
        valid=[(100, 0.819697)],
        model="ft:open-mistral-7b:57d37e6c:20240531:2813b7e6",
    ),
    "Hugging Face Jobs": Case(
        f"someone/{HF_ID}",
        {
            f"/api/jobs/someone/{HF_ID}": [
                answer(hugging_face("SCHEDULING")),
                answer(hugging_face("RUNNING")),
                answer(hugging_face("ERROR", "Job failed with exit code: 1")),
            ],
            # Cut in the middle, and replayed with a last line that lacks its blank one.
            f"/api/jobs/someone/{HF_ID}/logs": [
                sse(b": keep-alive\n\n" + b"".join(HF_FRAMES[:5]) + HF_FRAMES[5][:20]),
                sse(b"".join(HF_FRAMES)[:-2]),
            ],
        },
        HF_SHOWN,
        "hugging-face-jobs",
        status=Status.FAILED,
        train=[(2, 1.5), (2, 1.25), (2, 1.25)],
        error="Job failed with exit code: 1",
    ),
    "NeMo Customizer": Case(
        NEMO_ID,
        {
            f"/v1/customization/jobs/{NEMO_ID}/status": [
                answer(nemo("running", 2)),
                answer(nemo("running", 5)),
                answer({**NEMO, "status_logs": []}),
            ]
        },
        [],
        "nemo-customizer",
        status=Status.FAILED,
        train=NEMO_LOSSES,
        valid=NEMO_VALID,
    ),
    "DashScope": Case(
        DASHSCOPE_ID,
        {
            f"/fine-tunes/{DASHSCOPE_ID}": [
                answer(dashscope("PENDING")),
                answer(dashscope("RUNNING")),
                answer(dashscope("SUCCEEDED")),
            ],
            f"/fine-tunes/{DASHSCOPE_ID}/logs?offset=0&line=1000": [answer(logs(DASHSCOPE_LOGS[:2], 6))],
            f"/fine-tunes/{DASHSCOPE_ID}/logs?offset=2&line=1000": [answer(logs(DASHSCOPE_LOGS[2:], 6))],
            f"/fine-tunes/{DASHSCOPE_ID}/logs?offset=6&line=1000": [answer(logs([], 6))],
        },
        [line.strip() for line in DASHSCOPE_LOGS],
        "dashscope",
        base="/api/v1",
        model="qwen3-14b-suffix-ft-202410291653-1c7f",
    ),
    "Replicate": Case(
        REPLICATE_ID,
        {
            f"/trainings/{REPLICATE_ID}": [
                answer({**REPLICATE_JOB, "logs": None}),
                answer(
                    {**REPLICATE_JOB, "logs": "Loading\nstep 1: train loss 1.5, val loss 2.5\nstep 2: tr"}
                ),
                answer(
                    {
                        **REPLICATE_JOB,
                        "status": "failed",
                        "error": "Out of memory",
                        "logs": f"{REPLICATE_LOG}\nstep 2: train loss 1.25, val loss 2.25",
                    }
                ),
            ]
        },
        ["Loading", "step 1: train loss 1.5, val loss 2.5", "step 2: train loss 1.25, val loss 2.25"],
        "replicate",
        base="/v1",
        status=Status.FAILED,
        train=[(1, 1.5), (2, 1.25)],
        valid=[(1, 2.5), (2, 2.25)],
        error="Out of memory",
    ),
    "LocalAI": Case(
        LOCALAI_ID,
        {
            f"/api/fine-tuning/jobs/{LOCALAI_ID}": spelled(LOCALAI_JOB, ["queued", "training", "completed"]),
            f"/api/fine-tuning/jobs/{LOCALAI_ID}/progress": [sse(frames(*LOCALAI_FRAMES))],
        },
        [
            "Status: loading_model",
            "Step 1/2: training loss=1.5",
            "Step 2/2: training loss=1.25",
            "Done",
        ],
        "localai",
        train=[(1, 1.5), (2, 1.25)],
    ),
    "llm-engine": Case(
        LLM_ENGINE_ID,
        {
            f"/fine-tunes/{LLM_ENGINE_ID}": [
                *map(llm_engine, ["PENDING", *["RUNNING"] * 8, "SUCCESS"]),
            ],
            # It has no list before the first event.
            **{
                f"/fine-tunes/{LLM_ENGINE_ID}/events?stream={stream}": [
                    *[answer({"detail": "Fine-tune events not found"}, 404)] * 2,
                    answer({"events": LLM_ENGINE_EVENTS[:1]}),
                    answer({"events": LLM_ENGINE_EVENTS}),
                ]
                for stream in ("true", "false")
            },
        },
        [event["message"] for event in LLM_ENGINE_EVENTS],
        "fine-tunes",
        base="/v1/llm",
        train=[(1, 2.5), (2, 2.25)],
        valid=[(2, 1.75)],
    ),
    "Unsloth Studio": Case(
        UNSLOTH_ID,
        {
            f"/api/train/runs/{UNSLOTH_ID}": [
                *[answer(unsloth("running", []))] * 2,
                answer(unsloth("completed", UNSLOTH_LOSSES, ended_at="2026-11-01T12:10:00+00:00")),
            ],
            f"/api/train/progress?expected_job_id={UNSLOTH_ID}": [sse(UNSLOTH_STREAM)],
        },
        [
            *[f"Step {step}: training loss=1.1" for step in (1, 2, 3, 60)],
            "Step 60: validation loss=1.25",
        ],
        "unsloth-studio",
        train=[(1, 1.1), (2, 1.1)],
        valid=[(60, 1.25)],
    ),
    "Fireworks": Case(
        FIREWORKS_ID,
        {
            "/accounts/someone/supervisedFineTuningJobs/my-tuning-job": spelled(
                FIREWORKS_JOB,
                ["JOB_STATE_CREATING", "JOB_STATE_RUNNING", "JOB_STATE_COMPLETED"],
                "state",
                completedTime="2026-07-21T13:00:00Z",
            )
        },
        [
            "The job is pending (JOB_STATE_CREATING)",
            "The job is running (JOB_STATE_RUNNING)",
            "The job succeeded (JOB_STATE_COMPLETED)",
        ],
        "fireworks",
        base="/v1",
        model="accounts/someone/models/my-model",
    ),
}

cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def server_of(case: Case) -> Server:
    return Server({case.base + path: scripts for path, scripts in case.routes.items()})


async def told_by(case: Case, server: Server, *, job_id: str = "", stream: bool = True) -> Told:
    async with server.running():
        address = f"{server.origin}{case.base}"
        return await followed_as("auto", address, job_id or case.job_id, SHORT, stream=stream)


def points(curve: Curve) -> list[tuple[int, float]]:
    return [(bucket.step, bucket.last) for bucket in curve.buckets]


@cases
async def test_a_job_is_followed_from_its_queue_to_its_end(case: Case) -> None:
    told = await told_by(case, server_of(case))
    assert {update.dialect for update in told.updates[-3:]} == {case.dialect}
    messages = [event.message for event in told.events]
    if case.messages:
        assert messages == case.messages
    assert told.ending == (case.status, {Status.SUCCEEDED: 0, Status.FAILED: 1}[case.status])
    assert (points(told.run.train_loss), points(told.run.valid_loss)) == (list(case.train), list(case.valid))
    assert told.run.fine_tuned_model == case.model
    assert told.run.failure == case.error


@pytest.mark.parametrize("name", ["Hugging Face Jobs", "LocalAI", "NeMo Customizer"])
async def test_routes_at_the_root_are_found_below_a_version_too(name: str) -> None:
    case = CASES[name]
    server = server_of(case)
    async with server.running():
        told = await followed_as("auto", f"{server.origin}/v1", case.job_id, SHORT)
    assert {update.dialect for update in told.updates[-3:]} == {case.dialect}
    assert told.ending[0] is case.status
    assert {update.job_key.service for update in told.updates} == {f"{server.origin}/v1"}


async def test_the_version_of_azure_s_routes_is_that_of_the_environment() -> None:
    case = CASES["Azure"]
    routes = {path.replace("2024-10-21", "2025-04-01-preview"): each for path, each in case.routes.items()}
    server = server_of(replace(case, routes=routes))
    async with server.running():
        environ = {"OPENAI_API_VERSION": "2025-04-01-preview"}
        settings = read_settings(base_url=f"{server.origin}/openai", provider="azure", environ=environ)
        told = await followed_at(settings, case.job_id, SHORT)
    assert [event.message for event in told.events] == list(case.messages)
    assert all("api-version=2025-04-01-preview" in request.target for request in server.requests)


@pytest.mark.parametrize(
    ("key", "header", "value"),
    [
        ("0123456789abcdef", "api-key", "0123456789abcdef"),
        ("eyJhbGciOi.eyJhdWQiOi.c2lnbmF0dXJl", "authorization", "Bearer eyJhbGciOi.eyJhdWQiOi.c2lnbmF0dXJl"),
    ],
    ids=["key", "token"],
)
async def test_azure_takes_a_key_or_a_token_of_its_directory(key: str, header: str, value: str) -> None:
    server = server_of(CASES["Azure"])
    async with server.running():
        settings = Settings(
            f"{server.origin}/openai", Key(key, "a file"), provider="azure", key_header="api-key"
        )
        await followed_at(settings, AZURE_ID, SHORT)
    assert {request.headers.get(header) for request in server.requests} == {value}
    assert all(("api-key" in each.headers) != ("authorization" in each.headers) for each in server.requests)


UNSLOTH = CASES["Unsloth Studio"]
UNSLOTH_PROGRESS = f"/api/train/progress?expected_job_id={UNSLOTH_ID}"
HEARTBEAT = UNSLOTH_STREAM.split(b"\n\n")[2] + b"\n\n"


def unsloth_server(stream: Script, *jobs: Fields) -> Server:
    routes = {f"/api/train/runs/{UNSLOTH_ID}": list(map(answer, jobs)), UNSLOTH_PROGRESS: [stream]}
    return server_of(replace(UNSLOTH, routes=routes))


async def test_a_stream_that_tells_its_past_to_whoever_resumes_is_asked_for_all_of_it() -> None:
    server = server_of(UNSLOTH)
    told = await told_by(UNSLOTH, server)
    assert server.asked(UNSLOTH_PROGRESS)[0].headers["last-event-id"] == "0"
    assert told.run.job is not None
    assert "token" not in told.run.job.raw
    assert "secret" not in told.run.job.raw
    assert (told.run.step, told.run.total_steps, told.run.progress) == (60, 60, 1.0)


async def test_a_run_that_never_says_complete_ends_when_its_steps_are_done_and_its_run_is_over() -> None:
    start = UNSLOTH_STREAM.partition(b"id: 60")[0]
    last = start.rpartition(b"id: 2")[2].replace(b'"step": 2', b'"step": 60')
    stream: Script = [head(), start, b"id: 60" + last, *[HEARTBEAT] * 2, End.HANG]
    over = unsloth("completed", UNSLOTH_LOSSES)
    server = unsloth_server(stream, unsloth("running", []), over)
    pace = replace(SHORT, quiet=0.2, grace=0.1)
    async with server.running():
        told = await followed_as("auto", server.origin, UNSLOTH_ID, pace)
    assert told.ending == (Status.SUCCEEDED, 0)
    assert {event.message for event in told.events} == set(UNSLOTH.messages)


async def test_a_stream_that_just_ends_because_another_run_takes_over_is_no_end() -> None:
    over = unsloth("error", UNSLOTH_LOSSES[:2], error_message="CUDA out of memory")
    server = unsloth_server([head(), b"retry: 3\n\n"], *[unsloth("running", UNSLOTH_LOSSES[:1])] * 3, over)
    told = await told_by(UNSLOTH, server)
    assert told.ending == (Status.FAILED, 1)
    assert told.run.failure == "CUDA out of memory"
    assert [event.message for event in told.events] == list(UNSLOTH.messages[:2])


STREAMED = {name: CASES[name] for name in ("Hugging Face Jobs", "LocalAI")}


@pytest.mark.parametrize("case", STREAMED.values(), ids=STREAMED)
async def test_without_a_stream_what_a_stream_tells_at_once_is_the_past(case: Case) -> None:
    stream = next(path for path in case.routes if path.endswith(("/logs", "/progress")))
    # The service goes on in silence: there is nothing more yet.
    script = [*case.routes[stream][-1], End.HANG]
    told = await told_by(
        case, server_of(replace(case, routes={**case.routes, stream: [script]})), stream=False
    )
    assert [event.message for event in told.events] == list(case.messages)[: len(told.events)]
    assert len(told.events) > 3
    assert told.run.exit_status == 0
    assert told.run.status is Status.PENDING


async def test_an_id_without_a_namespace_is_that_of_the_key_s_owner() -> None:
    case = CASES["Hugging Face Jobs"]
    server = server_of(replace(case, routes={**case.routes, "/api/whoami-v2": [answer({"name": "someone"})]}))
    told = await told_by(case, server, job_id=HF_ID)
    assert [event.message for event in told.events] == HF_SHOWN
    assert told.ending == (Status.FAILED, 1)


async def test_a_job_that_no_api_knows_is_told_with_the_routes_that_were_asked() -> None:
    server = Server({})
    told = await told_by(CASES["Mistral"], server, job_id="my-job")
    assert told.run.exit_status == 4
    for path in ("/fine-tunes/my-job", "/fine_tuning/jobs/my-job", "/api/fine-tuning/jobs/my-job"):
        assert path in told.sentence
    assert len({request.target for request in server.requests}) <= 8


async def test_progress_in_the_job_object_is_shown() -> None:
    case = CASES["Together"]
    job = {**TOGETHER_JOB, "status": "pending", "queue_depth": 2, "total_steps": 40, "steps_completed": 10}
    job["progress"] = {"estimate_available": True, "seconds_remaining": 240}
    routes = {
        f"/fine-tunes/{TOGETHER_ID}": [answer(job)],
        f"/fine-tunes/{TOGETHER_ID}/events": [answer({"data": []})],
    }
    told = await told_by(case, server_of(replace(case, routes=routes)), stream=False)
    assert (told.run.queue, told.run.step, told.run.total_steps) == (2, 10, 40)
    assert told.run.job is not None
    assert told.run.job.progress.remaining == 240


async def followed_to(status: str, case: Case, **fields: Any) -> Run:
    """Return what is known of a job of Fireworks while it is in this state."""
    [(path, _)] = case.routes.items()
    routes = {path: [answer({**FIREWORKS_JOB, "state": status, **fields})]}
    return (await told_by(case, server_of(replace(case, routes=routes)), stream=False)).run


async def test_a_percentage_of_the_job_object_is_the_progress_and_never_the_end() -> None:
    case, progress = CASES["Fireworks"], {"percent": 58, "epoch": 1}
    run = await followed_to("JOB_STATE_RUNNING", case, jobProgress=progress)
    assert run.progress == 0.58
    run = await followed_to("JOB_STATE_FAILED", case, jobProgress={**progress, "percent": 100})
    assert (run.progress, run.exit_status) == (0.99, 1)
    odds: Sequence[Any] = ({"percent": "half"}, {"percent": 900}, {"percent": None}, [], "58")
    for odd in odds:
        assert (await followed_to("JOB_STATE_RUNNING", case, jobProgress=odd)).progress is None
