import pytest
from rich.cells import cell_len

from ftmon.model.event import Event, Level
from ftmon.tui.log.brief import brief
from ftmon.tui.log.milestone import is_milestone
from tests.records import read
from tests.servers.fine_tunes import STORY, Fields, event


def text(shown: Event, width: int) -> str:
    return "".join(piece for piece, _ in brief(shown, width))


def metrics(message: str, **data: float | None) -> Fields:
    return {**event(message), "type": "metrics", "data": data}


def test_the_figures_of_steps_stand_in_columns_in_their_colours() -> None:
    steps = [
        event("Step 9/200: training loss=1.27"),
        event("Step 10/200: training loss=0.463, validation loss=1.46"),
        event("Step 120/200, validation loss=12.1"),
        metrics("iter 130: 0.4531 | 1e-5", step=130, total_steps=200, train_loss=0.4531, valid_loss=0.5),
    ]
    assert [text(read(each), 26) for each in steps] == [
        "  9  1.27",
        " 10  0.463  v1.46",
        "120         v12.1",
        "130  0.453  v0.500",
    ]
    looks = [look for _, look in brief(read(steps[1]), 26)]
    assert looks == ["", "", "train", "", "valid"]
    assert text(read(steps[1]), 17) == " 10 0.463 v1.46"
    assert text(read(steps[1]), 12) == " 10 0.463"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (event("Step 5/90: training loss=nan"), " 5  no number"),
        (metrics("Step 5/90: training loss=nan, validation loss=2", step=5, valid_loss=2.0), ""),
        (metrics("Step 5: reward=0.5", step=5, train_mean_reward=0.5), "   5  0.500"),
        (metrics("loss 2.5", train_loss=2.5), "      2.50"),
        (event("{'loss': 2.5, 'grad_norm': 1.5, 'epoch': 0.7}"), "      2.50"),
        (event("{'eval_loss': 2.5, 'epoch': 1.0}"), "             v2.50"),
    ],
)
def test_a_step_that_lacks_something_is_told_all_the_same(sent: Fields, shown: str) -> None:
    assert text(read(sent), 26).startswith(shown)


def test_a_line_of_a_trainer_is_no_completed_epoch() -> None:
    assert is_milestone(Level.INFO, "Completed epoch 1/4")
    assert not is_milestone(Level.INFO, "{'loss': 2.5, 'grad_norm': 1.5, 'epoch': 0.7}")


@pytest.mark.parametrize(
    ("message", "level", "shown"),
    [
        ("Completed epoch 2/4", "info", "Completed epoch 2/4"),
        ("Error: CUDA out of memory. Tried to allocate", "error", "CUDA out of memory. Tried…"),
        ("The job failed: the training file has no rows", "error", "the training file has no…"),
        ("Fine-tune failed. The file is empty, so stop", "info", "The file is empty, so stop"),
        ("The learning rate was reduced by much", "warning", "The learning rate was red…"),
        ("Fine-tune enqueued. Queue number: 31", "info", "queue number 31"),
        ("Fine tuning job successfully completed", "info", "succeeded"),
        ("Checkpoint created at step 50 with Snapshot ID: ft:gpt", "info", "checkpoint 50"),
        ("Uploaded model: davinci:ft-personal-2023-01-31-13-00-00", "info", "davinci:f…3-01-31-13-00-00"),
        ("Files validated, moving job to queued state", "info", "Files validated, moving j…"),
        ("模型训练已经开始了请稍等片刻好吗谢谢", "info", "模型训练已经开始了请稍等…"),
    ],
)
def test_what_is_important_of_a_message_is_kept(message: str, level: str, shown: str) -> None:
    assert text(read(event(message, level=level)), 26) == shown


def test_a_shortened_message_fits_in_one_row() -> None:
    messages = [
        *(each["message"] for each in STORY),
        "Uploaded model: 模型" * 9,
        "Error: a\nb" * 9,
        "a 模型" * 9,
    ]
    for shown in (read(event(message, level=level)) for message in messages for level in ("info", "error")):
        for width in (10, 17, 26, 47):
            assert cell_len(text(shown, width)) <= width
            assert "\n" not in text(shown, width)
