import json
from typing import Any

import pytest

from ftmon import text
from ftmon.model.curve import Curve, Gap
from ftmon.model.event import parse_event
from ftmon.model.key import JobKey
from ftmon.model.run import Run
from ftmon.model.series import Series
from ftmon.model.update import Update
from tests.records import NOON


def told(*events: dict[str, Any]) -> Series:
    """Return the series of a run whose events have these fields."""
    run = Run(JobKey("http://127.0.0.1/v1", "ft-1"))
    for number, fields in enumerate(events):
        whole = {"object": "event", "created_at": 1_700_000_000 + number, "level": "info", "message": "m"}
        whole |= fields
        run.apply(Update(run.key, NOON, (parse_event(whole, json.dumps(whole)),)))
    return run.series


def step(number: int, /, message: str = "m", **data: Any) -> dict[str, Any]:
    return {"message": message, "type": "metrics", "data": {"step": number, **data}}


def points(curve: Curve) -> list[tuple[int, float]]:
    return [(bucket.step, bucket.last) for bucket in curve.buckets]


def names(series: Series) -> list[str]:
    return [curves.name for curves in series.lines]


def test_every_figure_is_a_series_with_its_training_and_validation_values() -> None:
    series = told(
        step(1, train_loss=2.5, train_mean_token_accuracy=0.5, lr="1e-5", grad_norm=3.0, total_tokens=100),
        step(2, train_loss=2.0, train_mean_token_accuracy=0.6, lr="2e-5", grad_norm=2.0, total_tokens=200),
        step(2, valid_loss=2.25, valid_mean_token_accuracy=0.55, full_valid_mean_token_accuracy=0.57),
    )
    assert names(series) == ["loss", "token accuracy", "learning rate", "gradient norm", "tokens"]
    accuracy = series.lines[1]
    assert points(accuracy.train) == [(1, 0.5), (2, 0.6)]
    assert points(accuracy.valid) == [(2, 0.57)]
    assert points(series.lines[2].train) == [(1, 1e-5), (2, 2e-5)]
    assert accuracy.train.times == [1_700_000_000, 1_700_000_001]


@pytest.mark.parametrize(
    ("train", "valid", "name"),
    [
        ("loss", "eval_loss", "loss"),
        ("train/loss", "val/loss", "loss"),
        ("accuracy", "test_accuracy", "accuracy"),
        ("train_acc", "val_acc", "accuracy"),
        ("train acc", "val acc", "accuracy"),
        ("reward", "eval_reward", "reward"),
        ("rewards/margins", "eval_rewards/margins", "rewards/margins"),
        ("train_completion_tokens_mean", "valid_completion_tokens_mean", "completion tokens"),
    ],
)
def test_the_names_of_trainers_and_services_mean_the_same(train: str, valid: str, name: str) -> None:
    both: list[dict[str, Any]] = [{train: 1.0 / number, valid: 2.0 / number} for number in (1, 2)]
    series = told(*(step(number, **figures) for number, figures in enumerate(both, 1)))
    (curves,) = series.lines
    assert (curves.name, points(curves.train), points(curves.valid)) == (
        name,
        [(1, 1.0), (2, 0.5)],
        [(1, 2.0), (2, 1.0)],
    )


def test_what_tells_only_where_and_how_is_no_series() -> None:
    told_more: dict[str, Any] = {
        "total_steps": 9,
        "epoch": 0.5,
        "eta_seconds": 3,
        "eval_runtime": 2.0,
        "percentage": 10,
    }
    told_more |= {"step_number": 1, "progress_pct": 5, "finished_at": 9, "totalSecs": 3, "best_epoch": 1}
    told_more |= {"eval_samples_per_second": 9, "timestamp": 1.0, "id": 7, "name": "x", "is_done": True}
    assert names(told(*(step(number, **told_more) for number in (1, 2, 3)))) == []


def test_rewards_come_first_where_a_run_has_some() -> None:
    series = told(*(step(number, train_loss=0.1, train_mean_reward=0.5) for number in (1, 2)))
    assert names(series) == ["reward", "loss"]


def test_names_are_safe_short_and_not_without_end() -> None:
    hostile: dict[str, Any] = {f"\x1b[31mname\n{number}" + "x" * 99: 1.0 for number in range(500)}
    found = names(told(step(1, **hostile), step(2, **hostile)))
    assert 0 < len(found) <= 32
    assert all(len(name) <= 28 and name.isprintable() for name in found)


def test_a_null_is_a_gap_only_where_the_message_says_so() -> None:
    series = told(
        step(1, train_loss=2.0, valid_loss=None),
        step(2, "{'loss': nan}", train_loss=None),
        step(3, train_loss=None),
        step(4, train_loss=float("nan")),
        step(5, train_loss=1.0),
    )
    assert points(series.loss.train) == [(1, 2.0), (5, 1.0)]
    assert series.loss.train.gaps == [Gap(2, 4)]
    assert series.loss.valid.changes == 0


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"message": "Step 2/9: training loss=nan, validation loss=1.5"}, "train 2.50 → nan"),
        ({"message": "Step 2/9: training loss=-Infinity"}, "train 2.50 → -inf"),
        ({"message": "Step 2: training loss=1e999"}, "train 2.50 → inf"),
        ({"message": "{'loss': nan, 'epoch': 0.7}"}, "train 2.50 → nan"),
        (step(2, train_loss=float("nan")), "train 2.50 → nan"),
    ],
)
def test_a_loss_that_is_no_number_is_the_last_one_until_there_is_a_number(
    event: dict[str, Any], words: str
) -> None:
    first = {"message": "Step 1/9: training loss=2.5"}
    loss = told(first, event).loss.train
    assert (text.course("train", loss), loss.gaps) == (words, [Gap(2, 2)])
    assert loss.has_diverged
    # The training has gone back to a checkpoint.
    loss = told(first, event, {"message": "Step 1/9: training loss=2.25"}).loss.train
    assert (text.course("train", loss), loss.has_diverged) == ("train 2.50 → 2.25", False)


def test_a_loss_that_was_never_a_number_is_told() -> None:
    loss = told({"message": "Step 1/9: training loss=nan"}).loss
    assert (text.course("train", loss.train), text.course("valid", loss.valid)) == ("train nan", "")
    assert loss.has_values


def test_points_without_a_step_are_counted_also_where_they_are_no_number() -> None:
    lines = [f"{{'loss': {loss}, 'epoch': {epoch}}}" for loss, epoch in [(3, 0.5), ("nan", 1.0), (1, 1.5)]]
    events = [
        {"message": line, "data": {"train_loss": None if "nan" in line else 2.0, "epoch": epoch}}
        for line, epoch in zip(lines, (0.5, 1.0, 1.5), strict=True)
    ]
    series = told(*events, {"message": "{'eval_loss': 1.5, 'epoch': 1.5}"})
    assert [step for step, _ in points(series.loss.train)] == [1, 3]
    assert series.loss.train.gaps == [Gap(2, 2)]
    assert points(series.loss.valid) == [(3, 1.5)]
    assert (series.epochs, series.per_epoch) == ([2], 2)


def test_epochs_and_checkpoints_are_noted_at_their_first_steps() -> None:
    series = told(
        step(10, train_loss=2.5, epoch=0.5),
        {"message": "Completed epoch 1/4"},
        step(15, train_loss=2.5, epoch=1.5),
        step(20, train_loss=2.5, epoch=2.0),
        {"message": "Checkpoint", "type": "checkpoint", "data": {"step": 20}},
    )
    assert (series.epochs, series.checkpoints) == ([10, 20], [20])


def test_an_epoch_that_is_told_before_its_figures_ends_at_its_step() -> None:
    ends = [{"message": f"Completed epoch {epoch}/4"} for epoch in (1, 2)]
    rows = [step(number, train_loss=2.5, epoch=number / 40) for number in (10, 20, 90)]
    series = told(ends[0], rows[0], ends[1], *rows[1:])
    assert (series.epochs, series.per_epoch) == ([40, 80], 40)


@pytest.mark.parametrize("epoch", [1e-320, 1e-300, 1e300, 0.3, float("inf"), float("nan"), -0.5, "0.5x"])
def test_a_fraction_of_an_epoch_that_cannot_be_is_passed_over(epoch: object) -> None:
    end = {"message": "Completed epoch 1/4"}
    series = told(step(40, train_loss=2.5), end, step(10**14, train_loss=2.5, epoch=epoch))
    assert (series.epochs, series.per_epoch) == ([40], 40)


def test_an_epoch_has_as_many_steps_as_ends_tell_of_which_some_are_missing() -> None:
    series = told(*(step(number, train_loss=2.5, epoch=number // 40) for number in (10, 80, 90, 160)))
    assert (series.epochs, series.per_epoch) == ([80, 160], 40)
