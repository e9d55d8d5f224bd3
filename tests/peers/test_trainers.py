import json
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.command import FTMON, environment
from tests.package_index import installed
from tests.peers.peer import Read

pytestmark = [pytest.mark.peers, pytest.mark.slow]

ROOT = Path(__file__).parent.parent.parent
TORCH = "torch==2.13.0+cpu"
"""This build is small. Other indices have one for GPUs alone, of gigabytes."""
REQUIREMENTS = (
    TORCH, "transformers>=5.24,<6", "accelerate>=1.15,<2", "lightning>=2.6,<3", "keras>=3.15,<4",
    # What a publication needs of ftmon.
    "platformdirs>=4.2,<5", "msgspec>=0.20,<1",
)  # fmt: skip
MINUTE = 60.0
"""Importing a framework takes seconds, and more where the processor is busy."""

ENDS = """
import os, signal, sys

def end(how):
    if how == "crash":
        raise ValueError("loss is NaN")
    if how == "interrupt":
        signal.raise_signal(signal.SIGINT)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)

def each_in_a_process_of_its_own(ends, train):
    for how in ends:
        if os.fork() == 0:
            train(how, how)
            sys.exit()
        os.wait()
"""

TRANSFORMERS = f"""{ENDS}
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments
from ftmon.integrations.transformers import FtmonCallback

class Ends(TrainerCallback):
    def __init__(self, how):
        self.how = how
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 30:
            end(self.how)

def train(how="good", folder="output"):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    sizes = dict(hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=64, max_position_embeddings=32, **sizes))
    rows = [dict(input_ids=row, labels=row) for row in torch.randint(0, 64, (200, 16))]
    arguments = TrainingArguments(
        folder, max_steps=60, per_device_train_batch_size=4, learning_rate=1e-2, logging_steps=5,
        eval_strategy="steps", eval_steps=20, save_steps=20, report_to="none", use_cpu=True,
    )
    callbacks = [FtmonCallback(f"callback-{{how}}"), Ends(how)]
    trainer = Trainer(model, arguments, train_dataset=rows, eval_dataset=rows[:16], callbacks=callbacks)
    trainer.train()
    trainer.save_state()
"""

LIGHTNING = f"""{ENDS}
import logging, warnings
warnings.simplefilter("ignore")
import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import CSVLogger
from ftmon.integrations.lightning import FtmonCallback

class Module(pl.LightningModule):
    def __init__(self, how):
        super().__init__()
        self.how = how
        self.layer = torch.nn.Linear(4, 1)
    def loss(self, batch):
        return torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
    def training_step(self, batch, index):
        if self.global_step == 30:
            end(self.how)
        loss = self.loss(batch)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss
    def validation_step(self, batch, index):
        self.log("val_loss", self.loss(batch))
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

def train(how="good", folder="output"):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    inputs = torch.randn(80, 4)
    data = torch.utils.data.TensorDataset(inputs, inputs.sum(1, keepdim=True))
    trainer = pl.Trainer(
        max_epochs=3, log_every_n_steps=5, accelerator="cpu", logger=CSVLogger(folder),
        default_root_dir=folder, callbacks=[FtmonCallback(f"callback-{{how}}")],
    )
    trainer.fit(Module(how), torch.utils.data.DataLoader(data, 4), torch.utils.data.DataLoader(data, 8))
"""

KERAS = f"""{ENDS}
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy
from ftmon.integrations.keras import FtmonCallback

class Ends(keras.callbacks.Callback):
    def __init__(self, how):
        super().__init__()
        self.how = how
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            end(self.how)

def train(how="good", folder="output"):
    keras.utils.set_random_seed(0)
    inputs = numpy.random.randn(64, 4).astype("float32")
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    os.makedirs(folder, exist_ok=True)
    log = keras.callbacks.CSVLogger(folder + "/log.csv")
    callbacks = [FtmonCallback(f"callback-{{how}}"), log, Ends(how)]
    model.fit(inputs, inputs.sum(1, keepdims=True), epochs=5, validation_split=0.25, callbacks=callbacks)
"""

TORCHRUN = """
import torch.distributed
torch.distributed.init_process_group("gloo")
torch.distributed.barrier()
raise ValueError("loss is NaN")
"""

ALONE = "\nos.environ.pop('FTMON_RUN', None)"
"""The callback publishes a run of its own, and does not join that of `ftmon run`."""

trainers = pytest.mark.parametrize(
    "script", [TRANSFORMERS, LIGHTNING, KERAS], ids=["transformers", "lightning", "keras"]
)


@pytest.fixture(scope="module")
def python() -> Path:
    return installed(*REQUIREMENTS) / "python"


class Done(NamedTuple):
    """What ftmon has told, and its exit status."""

    status: int
    read: Read


def run(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    variables = environment(HOME=str(folder), PYTHONPATH=str(ROOT), HF_HUB_OFFLINE="1", NO_PROXY="127.0.0.1")
    return subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=2 * MINUTE
    )


def told(folder: Path, *words: str | Path) -> Done:
    done = run([*FTMON, *words], folder)
    assert done.stdout, done.stderr
    *events, job = map(json.loads, done.stdout.splitlines())
    return Done(done.returncode, Read(events, job))


def figures(read: Read, *names: str, offset: int = 0) -> list[tuple[str, int, float]]:
    """Return each figure of these names, with its step."""
    points = [event["data"] for event in read.of_type("metrics")]
    return sorted(
        (name, point["step"] + offset, point[name]) for point in points for name in names if name in point
    )


def rounded(points: list[tuple[str, int, float]]) -> list[tuple[str, int, float]]:
    """Return figures as transformers prints them."""
    return [(name, step, float(f"{value:.4g}")) for name, step, value in points]


def test_a_trainer_tells_the_same_by_its_lines_its_state_and_the_callback(
    python: Path, tmp_path: Path
) -> None:
    names = ("train_loss", "valid_loss", "learning_rate", "grad_norm")
    code = f"{TRANSFORMERS}{ALONE}\ntrain()"
    lines = told(tmp_path, "run", "--json", "--", python, "-c", code)
    state = told(tmp_path, "watch", "output", "--json", "--no-stream")
    callback = told(tmp_path, "watch", "callback-good", "--json", "--no-stream")
    assert (lines.status, state.status, callback.status) == (0, 0, 0)
    exact = figures(callback.read, *names)
    assert [step for name, step, _ in exact if name == "train_loss"] == [*range(5, 61, 5)]
    assert [step for name, step, _ in exact if name == "valid_loss"] == [20, 40, 60]
    assert figures(state.read, *names) == exact
    assert figures(lines.read, *names) == rounded(exact)
    for done in (lines, state, callback):
        assert {event["data"]["total_steps"] for event in done.read.of_type("metrics")} == {60}
    assert [event["message"] for event in callback.read.without("metrics")] == [
        "Saved checkpoint-20",
        "Saved checkpoint-40",
        "Saved checkpoint-60",
        "Fine-tune succeeded",
    ]


def test_inside_a_run_of_ftmon_the_callback_and_the_lines_tell_each_point_once(
    python: Path, tmp_path: Path
) -> None:
    done = told(tmp_path, "run", "--json", "--", python, "-c", f"{TRANSFORMERS}\ntrain()")
    assert done.status == 0
    points = [(name, step) for name, step, _ in figures(done.read, "train_loss", "valid_loss")]
    assert len(points) == len(set(points))
    assert len(points) == 15
    # Trainer sums up: that is its end.
    assert not [event for event in done.read.events if "is done" in event["message"]]


@trainers
def test_each_end_is_told_as_it_was_and_the_figures_as_the_trainer_writes_them(
    script: str, python: Path, tmp_path: Path
) -> None:
    ends = {
        "good": (0, "succeeded"),
        "crash": (1, "failed"),
        "interrupt": (3, "cancelled"),
        "kill": (5, "unknown"),
    }
    run([python, "-c", f"{script}\neach_in_a_process_of_its_own({[*ends]}, train)"], tmp_path)
    told_of = {how: told(tmp_path, "watch", f"callback-{how}", "--json") for how in ends}
    assert {how: (done.status, done.read.job["status"]) for how, done in told_of.items()} == ends
    assert told_of["crash"].read.job["error"] == "ValueError: loss is NaN"
    written = told(tmp_path, "watch", "good/", "--json", "--no-stream").read
    for name in ("train_loss", "valid_loss"):
        points = figures(told_of["good"].read, name)
        assert points
        # Lightning counts the steps of its table from 0.
        assert figures(written, name, offset=script is LIGHTNING) == points


def test_an_error_of_two_ranks_is_told_once_and_as_the_reason(python: Path, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TORCHRUN)
    torchrun: list[str | Path] = [
        python,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        "train.py",
    ]
    done = told(tmp_path, "run", "--json", "--", *torchrun)
    assert (done.status, done.read.job["error"]) == (1, "exit status 1: ValueError: loss is NaN")
    errors = [event for event in done.read.events if event["message"].endswith("]: ValueError: loss is NaN")]
    assert [event["level"] for event in errors] == ["error"]
