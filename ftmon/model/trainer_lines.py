"""What the lines of a trainer's output say: losses, steps, totals, epochs, and that the training is over.

Pure, and fed line by line, so that a service's log and a command's output are read alike. TRAINERS §3 lists
the formats.
"""

import re
from dataclasses import dataclass, field
from math import isfinite
from typing import NamedTuple

from ftmon import json_text
from ftmon.model.event import Level
from ftmon.model.figures import Figures, count, read_figures, sums_up
from ftmon.model.progress_bar import ProgressBars
from ftmon.model.rank import split_rank
from ftmon.model.written_row import NUMBER, EpochSteps, may_be_written_row, read_written_row, row_values
from ftmon.safe import safe

_LEAST_SHARE = 1e-15
"""The part of a training that one step is at least."""

_LONGEST = 65_536
"""Characters of a line that are read. ms-swift's summary holds the whole history in one line."""

_PAIR = re.compile(
    rf"'([^']{{1,64}})': (?:'({NUMBER})'|(?:np\.\w+|tensor)\(({NUMBER})[^)]{{0,99}}\)|({NUMBER})(?=[,}}]))"
)
"""One entry of a Python dict: `'loss': 1.02`, `'loss': '1.02'`, `'loss': np.float64(1.02)`."""

_STARTS = re.compile(
    r"(?i)(?:step|iter)\s*+[:=]?+\s*+(?P<step>\d{1,15})"
    r"(?:/(?P<total>\d{1,15}))?(?:\s*\((?P<percent>\d{1,3}(?:\.\d+)?)%\))?\s*(?P<joint>[|:,-]|sample=)"
)
"""The beginning of a row: `step 00042/21400 (0.20%) |`, `iter 7:`, `step:1 -`, `Iter 10:`, `Step 10 |`."""

_EPOCH_OF = re.compile(r"Epoch (\d{1,9})/(\d{1,9})\s*$")
_KERAS = re.compile(r"(?:^|[\s\x08])(?:\d+/\d+ .{0,300}?)?loss: " + NUMBER)
_KERAS_END_OF_EPOCH = re.compile(r"(?:(\d{1,15})/\1 .{0,200}|- )\d\S*s(?: - | )\S{1,20}/step - ")
"""The last line of an epoch: `63/63 ━━━ 1s 9ms/step - loss: 0.05`. Keras 2 draws a bar like tqdm's in it."""

_TOTALS = re.compile(
    r"(?:Total (?:optimization )?steps = (?P<steps>[\d,]{1,20})|Num Epochs = (?P<epochs>[\d,]{1,20})"
    r"|Starting training\.\.\., iters: (?P<iters>\d{1,15}))"
)
"""Totals that Trainer, Unsloth (with commas) and mlx-lm tell before the training."""

_END = re.compile(r"Saved final weights to ")

_ERROR = re.compile(
    r"(?:\S+ )?(?:\[?ERROR\b|\[?CRITICAL\b|\[?FATAL\b|Traceback \(most recent call last\):)"
    r"|[A-Za-z_][\w.]{0,80}(?:Error|Exception|Interrupt): |\S+: error: |RuntimeError"
)
_WARNING = re.compile(r"(?:\S+ )?\[?WARN(?:ING)?\b|\S*Warning: |\S+: [A-Za-z]*Warning: ")


@dataclass(frozen=True, slots=True)
class TrainerLine:
    """One line that a trainer printed, and what it says."""

    text: str
    """Safe text, without progress bars and without blanks at its end."""
    level: Level = Level.INFO
    figures: Figures = field(default_factory=dict)
    """Empty for a line that is only text."""
    is_end: bool = False
    """It says that the training is done, which is not how the job ended."""


class _Found(NamedTuple):
    """The figures of a line."""

    figures: Figures
    is_end: bool = False
    has_place: bool = False
    """The step is an epoch, and has nothing to do with steps and totals of other lines."""


class TrainerReader:
    """Reads one output from its beginning, and remembers totals and the progress bar for the lines after."""

    def __init__(self) -> None:
        self.total_steps: int | None = None
        self.total_epochs: int | None = None
        self._bars = ProgressBars()
        self._epochs = EpochSteps()
        self._epoch: int | None = None
        """The epoch that Keras has announced, counted from 1."""

    def read(self, line: str, after: str = "") -> list[TrainerLine]:
        r"""Read one line of output, without its line end; a `\r` in it overwrites what stood before.

        `after` is what is written of the next line, where that begins with the bar whose place this one took.
        """
        self._bars.expect(after[:_LONGEST])
        parts = safe(line[:_LONGEST]).split("\n")
        return [each for each in map(self._read, parts) if each is not None]

    def _read(self, part: str) -> TrainerLine | None:
        text = self._bars.take_from(part).rstrip()
        if not text.strip():
            return None
        self._note_totals(text)
        found = self._figures(text)
        if found.figures and not found.has_place:
            self._place(found.figures)
        return TrainerLine(text, _level(text), found.figures, found.is_end)

    def _place(self, figures: Figures) -> None:
        """Give figures without a step that of the progress bar, and learn the totals that they tell."""
        epoch = figures.get("epoch")
        if epoch is not None and not isfinite(epoch):
            epoch = None
        if "step" in figures:
            self.total_steps = count(figures.get("total_steps")) or self.total_steps
        elif (bar := self._bars.of_training(self.total_steps, epoch)) is not None:
            figures.update(step=bar.done, total_steps=bar.total)
        elif self.total_steps and self.total_epochs and epoch is not None:
            figures["step"] = round(epoch / self.total_epochs * self.total_steps)
        if "step" in figures:
            self._epochs.has_steps = True
            if self.total_steps:
                figures.setdefault("total_steps", self.total_steps)
        if self.total_epochs:
            figures.setdefault("total_epochs", self.total_epochs)

    def _note_totals(self, text: str) -> None:
        if "=" not in text and "iters:" not in text:
            return
        for match in _TOTALS.finditer(text):
            if steps := match["steps"] or match["iters"]:
                self.total_steps = count(steps.replace(",", "")) or self.total_steps
            elif match["epochs"]:
                self.total_epochs = count(match["epochs"].replace(",", "")) or self.total_epochs

    def _figures(self, text: str) -> _Found:
        if "{'" in text and (values := _dict_entries(text[text.index("{'") :])):
            return _Found(read_figures(values), is_end=sums_up(values))
        if '{"' in text and (fields := _json_object(text[text.index('{"') :])):
            return _Found(read_figures(fields), is_end=sums_up(fields))
        lower = text.lower()
        start = _STARTS.search(text) if "step" in lower or "iter" in lower else None
        # The step of a row that begins with an epoch may be one of that epoch.
        if start and "epoch" not in lower[: start.start()] and (figures := self._row(text, start)):
            return _Found(figures)
        if "Epoch " in text and (match := _EPOCH_OF.search(text)):
            self._epoch, self.total_epochs = int(match[1]), int(match[2])
            return _Found({"epoch": int(match[1]) - 1, "total_epochs": int(match[2])})
        if may_be_written_row(lower) and (row := read_written_row(text)):
            figures = self._epochs.place(row)
            return _Found(figures, has_place=row.step is None and "step" in figures)
        if start:
            return _Found(self._row(text, start))
        if "loss: " in text and _KERAS.search(text):
            figures = read_figures(row_values(text))
            if self._epoch is not None and self.total_epochs and _KERAS_END_OF_EPOCH.match(text):
                # As in the tables that Keras writes, a step is an epoch.
                figures.update(step=self._epoch, total_steps=self.total_epochs)
            return _Found(figures)
        return _Found({}, is_end=_END.match(text) is not None)

    def _row(self, text: str, start: re.Match[str]) -> Figures:
        values = row_values(text[start.end() :])
        if not values:
            return {}
        figures = read_figures(values)
        figures["step"] = int(start["step"])
        if start["total"]:
            figures["total_steps"] = int(start["total"])
        elif start["percent"] and (share := float(start["percent"]) / 100) > 0:
            figures["total_steps"] = round(figures["step"] / max(share, _LEAST_SHARE))
        if start["joint"] == "sample=" and not figures["step"]:
            # llama.cpp's row of iteration 0 has a loss of 0, which is none.
            figures.pop("train_loss", None)
        return figures


def _dict_entries(text: str) -> dict[str, str]:
    """Return the numbers of a Python dict, each as text."""
    return {match[1]: match[2] or match[3] or match[4] for match in _PAIR.finditer(text)}


def _json_object(text: str) -> dict[str, object]:
    """Return the object that a text begins with; an empty one where it is no whole object.

    verl writes its figures inside `data`, its step beside it.
    """
    try:
        values = json_text.decode(text)
    except ValueError:
        return {}
    if not isinstance(values, dict):
        return {}
    inside = values.get("data")
    return {**inside, **values} if isinstance(inside, dict) else values


def _level(text: str) -> Level:
    text = split_rank(text).text
    if _ERROR.match(text):
        return Level.ERROR
    return Level.WARNING if _WARNING.match(text) else Level.INFO
