import json
import math
import time
from pathlib import Path

import pytest

from ftmon.model.event import Level
from ftmon.model.figures import Figures, read_figures
from ftmon.model.trainer_lines import TrainerLine, TrainerReader

SAMPLES = Path(__file__).parent / "samples"


def read(*lines: str) -> list[TrainerLine]:
    reader = TrainerReader()
    return [found for line in lines for found in reader.read(line)]


def sample(name: str) -> list[TrainerLine]:
    return read(*(SAMPLES / name).read_text().split("\n"))


def points(lines: list[TrainerLine], name: str) -> list[tuple[float | None, float]]:
    return [(line.figures.get("step"), line.figures[name]) for line in lines if name in line.figures]


def figures_of(line: str) -> Figures:
    [found] = read(line)
    return found.figures


def test_the_numbers_of_transformers_4_are_read() -> None:
    lines = sample("hf_stdout_v4_numbers.txt")
    assert [value for _, value in points(lines, "train_loss")] == [1.0216, 0.3898, 0.1915, 0.2087]
    assert lines[0].figures == {
        "train_loss": 1.0216,
        "grad_norm": 1.1015625,
        "learning_rate": 7.5390625e-06,
        "epoch": 1.0,
    }
    # The last line sums up, and the bar after it is none.
    assert [line.is_end for line in lines] == [False] * 4 + [True]
    assert "train_loss" not in lines[-1].figures


def test_the_quoted_numbers_of_transformers_5_are_read() -> None:
    lines = sample("hf_stdout_v5_strings.txt")
    assert [value for _, value in points(lines, "train_loss")] == [
        1.342, 0.2527, 0.1885, 0.1063, 0.1128, 0.05047, 0.06858, 0.03715, 0.01763, 0.01426,
    ]  # fmt: skip
    assert [value for _, value in points(lines, "valid_loss")] == [0.1616, 0.1439, 0.1032, 0.1135]
    assert lines[-1].is_end
    assert not any(line.text.endswith(" ") for line in lines)


def test_mlx_tells_total_steps_losses_and_its_end() -> None:
    lines = sample("mlx_lm_stdout_old_excerpt.txt")
    assert points(lines, "valid_loss") == [(1, 5.852), (200, 1.899), (250, 1.825)]
    assert points(lines, "train_loss")[-1] == (250, 1.862)
    assert all(line.figures["total_steps"] == 250 for line in lines if line.figures)
    assert [line.text for line in lines if line.is_end] == [
        "Saved final weights to adapters/adapters.safetensors."
    ]


def test_the_first_row_of_llama_cpp_is_no_point() -> None:
    lines = sample("llamacpp_finetune_stdout.txt")
    assert points(lines, "train_loss")[:2] == [(1, 2.823248), (2, 3.138579)]
    assert len(points(lines, "train_loss")) == 7
    assert not any("total_steps" in line.figures for line in lines)


def test_a_percentage_gives_the_total() -> None:
    [line] = sample("nanochat_autoresearch_illustrative.txt")
    assert line.figures["step"] == 42
    assert line.figures["total_steps"] == 300
    assert line.figures["train_loss"] == 4.123456


@pytest.mark.parametrize(
    ("line", "figures"),
    [
        ("iter 10: loss 2.3, time 12.34ms, mfu 3.21%", {"step": 10, "train_loss": 2.3}),
        ("step 250: train loss 1.9, val loss 2.0", {"step": 250, "train_loss": 1.9, "valid_loss": 2.0}),
        (
            "step    0| loss: 10.938572 | lr: 6.0000e-05 | norm: 27.0145 | dt: 3.21ms | tok/sec: 1.5",
            {"step": 0, "train_loss": 10.938572, "learning_rate": 6e-5, "grad_norm": 27.0145, "tok/sec": 1.5},
        ),
        (
            "step 00042/21400 (0.20%) | loss: 4.5 | lrm: 0.25 | dt: 1.1ms | tok/sec: 9",
            {"step": 42, "total_steps": 21400, "train_loss": 4.5, "lrm": 0.25, "tok/sec": 9},
        ),
        (
            "Step 10 | loss:1.25 lr:2e-05 tokens_per_second_per_gpu:12.5 ",
            {"step": 10, "train_loss": 1.25, "learning_rate": 2e-5, "tokens_per_second_per_gpu": 12.5},
        ),
        (
            "(TaskRunner pid=1) step:1 - actor/entropy:0.614 - critic/score/mean:0.0825",
            {"step": 1, "actor/entropy": 0.614, "critic/score/mean": 0.0825},
        ),
        ("Step 10/500: training loss=0.85", {"step": 10, "total_steps": 500, "train_loss": 0.85}),
        ("Epoch 3/10", {"epoch": 2, "total_epochs": 10}),
        # What people write in loops of their own
        (
            "step 23/300 loss=2.47 lr=1e-4",
            {"step": 23, "total_steps": 300, "train_loss": 2.47, "learning_rate": 1e-4},
        ),
        ("step 2 loss 0.8", {"step": 2, "train_loss": 0.8}),
        ("step=2 loss=0.8", {"step": 2, "train_loss": 0.8}),
        ("global_step=2 val_loss=0.8", {"step": 2, "valid_loss": 0.8}),
        ("Iteration 2 - loss 0.8", {"step": 2, "train_loss": 0.8}),
        ("step 2 train_loss 0.8", {"step": 2, "train_loss": 0.8}),
        ("loss at step 2: 0.8", {"step": 2, "train_loss": 0.8}),
        ("step 2/300 loss: 0.8", {"step": 2, "total_steps": 300, "train_loss": 0.8}),
        ("Step 2 of 300: Loss = 0.8", {"step": 2, "total_steps": 300, "train_loss": 0.8}),
        ("[2/300] loss: 0.8", {"step": 2, "total_steps": 300, "train_loss": 0.8}),
        ("2026-11-27 12:00:00,123 - INFO - step 2 loss=0.8", {"step": 2, "train_loss": 0.8}),
        ("epoch 2 - loss: 0.8", {"epoch": 2, "step": 2, "train_loss": 0.8}),
        (
            "Epoch 2/3 loss: 0.8",
            {"epoch": 2, "total_epochs": 3, "step": 2, "total_steps": 3, "train_loss": 0.8},
        ),
        ("Epoch 3, Step 120, Loss: 0.53", {"epoch": 2, "step": 120, "train_loss": 0.53}),
        ("Test set: Average loss: 0.0546, Accuracy: 9819/10000 (98%)", {"valid_loss": 0.0546}),
        ("part 2/300 loss: 0.8", {"train_loss": 0.8}),
        (
            "63/63 ━━━━━━ 1s 9ms/step - accuracy: 0.9 - loss: 0.0524 - val_loss: 0.0667",
            {"accuracy": 0.9, "train_loss": 0.0524, "valid_loss": 0.0667},
        ),
        (
            '{"loss": 1.5, "lr": 2e-05, "epoch": 0.25}',
            {"train_loss": 1.5, "learning_rate": 2e-5, "epoch": 0.25},
        ),
        ('{"step": 7, "data": {"actor/pg_loss": 1.5}}', {"step": 7, "train_loss": 1.5}),
        ("[  222.6s] {'loss': 1.5}", {"train_loss": 1.5}),
        ("(head, rank=0, pid=4126) {'loss': '1.5'}", {"train_loss": 1.5}),
        ("2026-01-31T12:00:00Z stdout F {'eval_loss': 1.5}", {"valid_loss": 1.5}),
        (
            "[rank0]:{'loss': np.float64(0.5), 'reward': tensor(0.25, device='cuda:0')}",
            {"train_loss": 0.5, "reward": 0.25},
        ),
    ],
)
def test_rows_of_many_trainers_are_read(line: str, figures: Figures) -> None:
    assert figures_of(line) == figures


@pytest.mark.parametrize("value", ["nan", "'nan'", "np.float64(nan)"])
def test_a_loss_that_is_no_number_shows_that_the_run_diverged(value: str) -> None:
    assert math.isnan(figures_of(f"{{'loss': {value}, 'epoch': 0.5}}")["train_loss"])


@pytest.mark.parametrize(
    "line",
    [
        "Skipping step 5: nothing to see",
        "Loading weights from step 12",
        "loss of 3 workers",
        "step 2 of the installation",
        "step 2: loss of 3 workers",
        "Epoch 2: val_loss improved from 0.9 to 0.8",
        "[2/300] fetching 12 files",
        "{ event: 'phase', phase: 'committing' }",
        "Trainable parameters: 0.045% (1.491M/3315.716M)",
        "see https://example.com/iter/5",
        "{'loss'",
        '{"loss": ',
        '{"a": [1, 2',
    ],
)
def test_text_is_text(line: str) -> None:
    assert figures_of(line) == {}


def test_a_line_without_a_step_has_that_of_the_training_s_bar() -> None:
    lines = read(
        "Map: 100%|██████| 5000/5000 [00:01<00:00, 4312.1 examples/s]",
        "  0%|          | 0/1000 [00:00<?, ?it/s]",
        " 10%|█         | 100/1000 [00:31<04:41, 3.2it/s]\r",
        "{'loss': 1.5, 'epoch': 0.3}",
        "  0%|          | 0/63 [00:00<?, ?it/s]\r 50%|█████     | 31/63 [00:01<00:01, 30it/s]",
        "{'eval_loss': 1.6, 'epoch': 0.3}",
        " 20%|██        | 200/1000 [01:02<04:10, 3.2it/s][transformers] There were missing keys",
        "{'loss': 1.25, 'epoch': 0.6}",
    )
    assert points(lines, "train_loss") == [(100, 1.5), (200, 1.25)]
    assert points(lines, "valid_loss") == [(100, 1.6)]
    assert {line.figures["total_steps"] for line in lines if line.figures} == {1000}
    assert [line.text for line in lines if not line.figures] == ["[transformers] There were missing keys"]


@pytest.mark.parametrize(
    ("row", "steps", "total"),
    [
        # PyTorch's tutorials, its example for MNIST, and rows that do not tell how long an epoch is
        ("Epoch [{epoch}/2], Step [{step}/200], Loss: 0.5", [100, 200, 300, 400], 400),
        ("Train Epoch: {epoch} [{step}/200 (50%)]\tLoss: 0.5", [100, 200, 300, 400], None),
        ("Epoch {epoch}, Step {step}, Loss: 0.5", [100, 200, 400, 500], None),
    ],
)
def test_steps_that_begin_anew_with_each_epoch_are_counted_on(
    row: str, steps: list[int], total: int | None
) -> None:
    lines = read(*(row.format(epoch=epoch, step=step) for epoch in (1, 2) for step in (100, 200)))
    assert [line.figures["step"] for line in lines] == steps
    assert {line.figures.get("total_steps") for line in lines} == {total}


def test_steps_that_go_on_through_the_epochs_are_those_of_the_training() -> None:
    lines = read(*(f"Epoch {step // 100}/4, Step {step}/400: loss 0.5" for step in (100, 150, 200, 300)))
    assert [line.figures["step"] for line in lines] == [100, 150, 200, 300]
    assert lines[-1].figures["total_steps"] == 400


def test_an_epoch_is_a_step_where_nothing_else_counts_them() -> None:
    epochs = [f"Epoch {epoch}/3 {name}: 0.5" for epoch in (1, 2) for name in ("loss", "val_loss", "loss")]
    assert [line.figures.get("step") for line in read(*epochs)] == [1, 1, None, 2, 2, None]
    *_, last = read("step 100/300 loss 0.5", "Epoch 1/3 val loss: 0.5")
    assert "step" not in last.figures
    *_, last = read("Epoch 0/3 val loss: 0.5", "step 100 loss 0.5")
    assert "total_steps" not in last.figures


@pytest.mark.parametrize("bar", ["━━━━━━ 1s 9ms/step", "[=====] - 1s 9ms/step", "- 1s - 9ms/step"])
def test_an_epoch_of_keras_is_a_step(bar: str) -> None:
    *_, line = read("Epoch 3/10", f"63/63 {bar} - loss: 0.0524 - val_loss: 0.0667")
    assert line.figures == {
        "train_loss": 0.0524, "valid_loss": 0.0667, "step": 3, "total_steps": 10, "total_epochs": 10,
    }  # fmt: skip


def test_totals_are_told_before_the_training() -> None:
    lines = read(
        "==((====))==  Unsloth | Num GPUs used = 1",
        "   \\\\   /|    Num examples = 1,234 | Num Epochs = 4 | Total steps = 5,000",
        "{'loss': 1.5, 'epoch': 1.0}",
    )
    assert lines[-1].figures == {
        "train_loss": 1.5, "epoch": 1.0, "step": 1250, "total_steps": 5000, "total_epochs": 4,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("Traceback (most recent call last):", Level.ERROR),
        ("torch.OutOfMemoryError: CUDA out of memory.", Level.ERROR),
        ("ERROR: no such file", Level.ERROR),
        ("12:00:00 [ERROR] no such file", Level.ERROR),
        ("WARNING: slow", Level.WARNING),
        ("train.py:12: UserWarning: slow", Level.WARNING),
        ("[WARNING|trainer.py:12] slow", Level.WARNING),
        ("no error at all", Level.INFO),
        ("Errors: 0", Level.INFO),
    ],
)
def test_a_line_has_a_level(line: str, level: Level) -> None:
    [found] = read(line)
    assert found.level is level


def test_what_controls_a_terminal_is_taken_out_and_a_long_line_cut() -> None:
    [line] = read("\x1b[31m{'loss': 1.5}\x1b]52;c;AAAA\x07")
    assert line.text == "{'loss': 1.5}"
    assert line.figures == {"train_loss": 1.5}
    [line] = read("x" * 10**7)
    assert len(line.text) == 65_536


@pytest.mark.parametrize(
    "line",
    [
        "0%|" * 20_000,
        "1/2 [" * 13_000,
        "{'a': " * 10_000,
        "step 1 | " + "a " * 30_000,
        "loss: " * 10_000,
        "step 1 loss " * 6_000,
        "Epoch [1/2] " * 6_000 + "loss 1",
        "loss" + " at step" * 8_000,
        "loss" + " " * 65_000,
        "step 1" + " " * 65_000 + "loss",
        "'" * 65_000,
        "epoch 1 loss: " + "1" * 60_000 + ":",
        "step 1: loss=1" + "1" * 60_000 + "x",
        "{'a': 1" + "1" * 60_000 + "x",
        ("step" + " " * 3000) * 20,
        "1/1 " * 16_000 + "loss: x",
        "step 1: " + ("x" * 60 + " " * 4000) * 15,
        "{'a': tensor(1" + " " * 60_000,
    ],
)
def test_reading_takes_linear_time(line: str) -> None:
    start = time.process_time()
    read(line)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("epoch", ["nan", "1e999", "1e-320", "-inf"])
@pytest.mark.parametrize("before", ["Total optimization steps = 100\nNum Epochs = 3", "  1/2 [00:01]", ""])
def test_an_epoch_that_is_no_number_gives_no_step(before: str, epoch: str) -> None:
    *_, line = read(before, f"{{'loss': 1.5, 'epoch': {epoch}}}")
    assert line.figures["train_loss"] == 1.5
    assert line.figures.get("step") in (None, 0)


def test_a_percentage_of_next_to_nothing_gives_a_total() -> None:
    [line] = read(f"step 5 (0.{'0' * 310}1%) | loss: 1.0")
    assert line.figures["step"] == 5


@pytest.mark.parametrize(("others", "step"), [(10, 50), (1000, None)])
def test_only_so_many_bars_are_remembered(others: int, step: int | None) -> None:
    bars = [f"0/{total} [00:01]" for total in range(1000, 1000 + others)]
    *_, line = read(*bars, "50/100 [00:01]", "{'loss': 1.5, 'epoch': 0.5}")
    assert line.figures.get("step") == step


@pytest.mark.parametrize(
    ("values", "figures"),
    [
        (
            {"current_steps": 5, "total_steps": 50, "lr": None, "loss": "0.5"},
            {"step": 5, "total_steps": 50, "train_loss": 0.5},
        ),
        ({"global_step/max_steps": "12/500", "loss": 1}, {"step": 12, "total_steps": 500, "train_loss": 1}),
        ({"iteration": "3/9"}, {"step": 3, "total_steps": 9}),
        ({"step": 4, "train_loss_step": 0.5}, {"step": 4, "train_loss": 0.5}),
        ({"step": 4, "val_loss_epoch": 0.5}, {"step": 4, "valid_loss": 0.5}),
        ({"step": 10, "percentage": "20%"}, {"step": 10, "total_steps": 50}),
        ({"progress/batch": 5, "progress/done_frac": 0.5}, {"step": 5, "total_steps": 10}),
        ({"step": True, "loss": [1], "x": {}, "name": "a"}, {}),
        ({"step": -1, "loss": 1e400}, {"train_loss": math.inf}),
        ({"step": 10**30}, {}),
        ({"loss": 1, "train_loss": 2}, {"train_loss": 1}),
        ({"train_loss": 0.9, "train_runtime": 12}, {"train_runtime": 12}),
    ],
)
def test_figures_have_one_name_each(values: dict[str, object], figures: Figures) -> None:
    assert read_figures(values) == figures


def test_the_lines_of_dashscope_are_a_trainer_s() -> None:
    logs = json.loads((SAMPLES / "dashscope_logs.json").read_text())["output"]["logs"]
    lines = read(*logs)
    assert [line.is_end for line in lines] == [True, *[False] * 5]
    assert lines[3].text == " Fine-tune succeeded!"
