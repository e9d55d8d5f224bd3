"""The figures of a training run under one name each, whatever a trainer or a service calls them."""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from ftmon.safe import safe

Figures = dict[str, float]
"""Numbers by name: the names of `NAMES` where they mean the same, each other one under its own name.

A name is safe text. Counts are integers. A number that is not finite stays, because it tells that the run
diverged.
"""

_ALIASES: Mapping[str, Iterable[str]] = {
    # The files and lines of trainers (TRAINERS §2.4), Keras' in TensorBoard; Zhipu, LocalAI, Unsloth Studio
    # (PROTOCOL §7)
    "step": (
        "global_step",
        "current_steps",
        "current_step",
        "train/global_step",
        "trainer/global_step",
        "iter",
        "iteration",
        "_step",
        "progress/batch",
    ),
    "total_steps": ("max_steps", "num_steps", "total_iters"),
    "epoch": ("train/epoch", "current_epoch"),
    "total_epochs": ("num_epochs", "n_epochs", "num_train_epochs"),
    "train_loss": (
        "loss",
        "train/loss",
        "training_loss",
        "train_mean_nll",
        "actor/pg_loss",
        "epoch_loss",
        # Lightning's names of what is logged both of a step and of an epoch.
        "train_loss_step",
        "train/loss_step",
        "loss_step",
    ),
    "valid_loss": (
        "eval_loss",
        "val_loss",
        "validation_loss",
        "eval/loss",
        "val/loss",
        "test_loss",
        "epoch_val_loss",
        "val_loss_epoch",
        "val/loss_epoch",
    ),
    "learning_rate": ("lr", "train/learning_rate", "optim/lr"),
    "grad_norm": ("gradient_norm", "train/grad_norm"),
    "num_tokens": ("total_tokens", "num_input_tokens_seen"),
}

NAMES = {alias: name for name, aliases in _ALIASES.items() for alias in (name, *aliases)}
"""ftmon's name of a figure, by each of its names in lower case."""

_COUNTS = frozenset({"step", "total_steps", "num_tokens"})
_MEASURED = {alias: name for alias, name in NAMES.items() if name not in _COUNTS}
"""Names whose value is taken as it is where it is a float, as most are: a file may hold millions."""

_STEP_OF_TOTAL = frozenset({"global_step/max_steps", "iteration"})
"""Names whose value is a text such as `12/500` (ms-swift, Megatron)."""

_PERCENTAGES = {"percentage": 100.0, "progress/done_frac": 1.0}
"""Shares of the run that is done, and what the whole is: they give the total where nothing else does."""

TRAILERS = frozenset({"train_runtime", "train_samples_per_second", "train_steps_per_second", "total_flos"})
"""Names of the line in which Hugging Face's Trainer sums the run up at its end."""

_OF_PROGRESS = frozenset({"step", "total_steps", "epoch", "total_epochs", "eta_seconds"})
"""Figures that tell how far the run is, not how well it goes."""

_LOSSES = {
    "train_loss": "training loss",
    "valid_loss": "validation loss",
    "full_valid_loss": "full validation loss",
}
"""What the losses are called in a sentence."""

_MOST = 10**15


def number(value: object) -> float | None:
    """Read a number, also one written as text; None for everything else, and beyond what a float can hold."""
    if type(value) is float:
        # Most are, and a file may hold millions.
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, int) and abs(value) < _MOST:
        return value
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def count(value: object) -> int | None:
    """Read a whole number that is not negative."""
    if value is None or (type(value) is int and 0 <= value < _MOST):
        return value
    found = number(value)
    return int(found) if found is not None and isfinite(found) and 0 <= found < _MOST else None


def share(percentage: object) -> float | None:
    """Read a percentage as a part of 1; None for everything else."""
    found = number(percentage)
    return found / 100 if found is not None and 0 <= found <= 100 else None


def sums_up(values: Mapping[str, Any]) -> bool:
    """Whether these figures are of a whole run: their `train_loss` is a mean, and no point of the curve."""
    return not TRAILERS.isdisjoint(values)


def read_figures(values: Mapping[str, Any]) -> Figures:
    """Return the figures among the values of an object, which may be numbers written as text."""
    figures: Figures = {}
    share: float | None = None
    for name, value in values.items():
        if type(value) is float and name in _MEASURED:
            figures.setdefault(_MEASURED[name], value)
            continue
        lower = name.lower()
        if lower in _STEP_OF_TOTAL and isinstance(value, str) and "/" in value:
            done, _, total = value.partition("/")
            _set(figures, "step", done)
            _set(figures, "total_steps", total)
        elif lower in _PERCENTAGES:
            percentage = number(value.rstrip("% ") if isinstance(value, str) else value)
            share = percentage / _PERCENTAGES[lower] if percentage is not None else share
        else:
            _set(figures, NAMES.get(lower, name), value)
    step = figures.get("step")
    if share and 0 < share <= 1 and step and "total_steps" not in figures:
        _set(figures, "total_steps", round(step / max(share, 1 / _MOST)))
    if sums_up(values):
        figures.pop("train_loss", None)
    return figures


def measured(figures: Figures) -> Figures:
    """Return the figures that tell how well a training goes, without those that tell how far it is."""
    return {name: value for name, value in figures.items() if name not in _OF_PROGRESS}


def in_words(figures: Figures) -> str:
    """Return figures as a sentence: `Step 10/500: training loss=0.85, validation loss=0.9`."""
    number, total = count(figures.get("step")), count(figures.get("total_steps"))
    place = f"Step {number}/{total}" if total else f"Step {number}" if number is not None else "Figures"
    told = [f"{words}={figures[name]:.6g}" for name, words in _LOSSES.items() if name in figures]
    if not told:
        rest = [name for name in figures if name not in _OF_PROGRESS]
        told = [f"{name}={figures[name]:.6g}" for name in rest[:3]]
    return f"{place}: {', '.join(told)}" if told else place


def _set(figures: Figures, name: str, value: object) -> None:
    found = count(value) if name in _COUNTS else number(value)
    # Of two names for one figure, the first one counts.
    if found is not None:
        figures.setdefault(safe(name), found)
