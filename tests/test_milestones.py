import json
from datetime import datetime, timedelta
from typing import Any

from ftmon.model.checkpoint import Checkpoint, Checkpoints
from ftmon.model.event import parse_event
from ftmon.model.key import JobKey
from ftmon.model.milestones import Milestones
from ftmon.model.run import Run
from ftmon.model.update import Update
from tests.records import NOON


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def told(*events: tuple[float, str, dict[str, Any]]) -> Milestones:
    """Return the milestones of a run whose events have these times, messages and fields."""
    run = Run(JobKey("http://127.0.0.1/v1", "ft-1"))
    for seconds, message, more in events:
        fields = {"created_at": at(seconds).timestamp(), "level": "info", "message": message, **more}
        run.apply(Update(run.key, NOON, (parse_event(fields, json.dumps(fields)),)))
    return run.milestones


def figures(**data: float) -> dict[str, Any]:
    return {"type": "metrics", "data": data}


def test_each_phase_has_the_time_at_which_it_was_told_first() -> None:
    milestones = told(
        (0, "Fine-tune enqueued. Queue number: 1", {}),
        (10, "Fine-tune started", {}),
        (12, "Step 1/20: training loss=2", {}),
        (13, "Step 2/20: training loss=2", {}),
        (20, "Completed epoch 1/3", {}),
        (30, "Step 15/20", figures(step=15, epoch=1.5)),
        (35, "Step 20/20", figures(step=20, epoch=2.0)),
        (40, "Completed epoch 2/3", {}),
        (60, "Fine-tune succeeded", {}),
    )
    assert (milestones.started_at, milestones.first_step_at) == (at(10), at(12))
    assert milestones.epochs == {1: at(20), 2: at(35)}
    assert milestones.ended_at == at(60)


def test_a_checkpoint_is_told_by_a_message_or_a_list_or_in_two_parts() -> None:
    measured = {"type": "checkpoint", "data": {"step": 80, "total_steps": 90, "train_loss": 0.5}}
    milestones = told(
        (10, "Checkpoint created at step 80 with Snapshot ID: ft:a", {}),
        (20, "Checkpoint ft:a: Step 80/90: training loss=0.5", measured),
        (25, "A checkpoint", {"type": "checkpoint", "data": {"step": 40, "valid_loss": 0.75}}),
        (30, "Saved checkpoint-90", {}),
        (31, "Step 90: training loss=1", {"type": "history", "data": {"step": 90, "train_loss": 1.0}}),
    )
    assert milestones.checkpoints.newest_first == [
        Checkpoint("checkpoint-90", 90, at(30)),
        Checkpoint("ft:a", 80, at(10), {"train_loss": 0.5}),
        Checkpoint("", 40, at(25), {"valid_loss": 0.75}),
    ]


def test_of_very_many_checkpoints_the_newest_are_kept() -> None:
    checkpoints = Checkpoints()
    for step in range(3000):
        checkpoints.add(Checkpoint("", step))
    assert [each.step for each in checkpoints.newest_first] == list(range(2999, 1999, -1))
