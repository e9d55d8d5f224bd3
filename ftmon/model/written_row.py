"""Rows that people print in loops of their own: `step 2 loss 0.8`, `Epoch [2/10], Step [100/600], Loss: 0.5`.

A row is one only where it has both a step or an epoch and a figure of a known name: all else is prose.
"""

import re
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from ftmon.model.figures import NAMES, Figures, read_figures

NUMBER = r"[-+]?(?:\d++\.?+\d*+(?:[eE][-+]?\d++)?+|\.\d++(?:[eE][-+]?\d++)?+|nan|inf)"
"""Possessive, so that a long row of digits is read once and not from each of them."""

_DATA = r"(?:train(?:ing)?|val(?:id(?:ation)?)?|eval|test|dev)[ _]"
_KNOWN = (
    rf"(?:{_DATA})?(?:loss|acc(?:uracy)?)|learning[ _]rate|lr|grad(?:ient)?[ _]norm|perplexity|ppl|reward"
)
"""Names of figures that count without a colon or an equals sign behind them."""

_WORD_PAIR = re.compile(
    rf"(?<![\w/.])(?=[TVEDLAGPRtvedlagpr])((?i:{_KNOWN}))\s{{1,4}}((?i:{NUMBER}))(?![\w:/]|\.\d)"
)
"""One figure of a row of mlx-lm, nanoGPT or one's own: `Train loss 4.441, Learning Rate 2e-05`."""

_HAS_WORD_PAIR = re.compile(r"[A-Za-z]\s{1,4}(?:[-+.\d]|nan|inf)")
"""Whether a text may have such a figure: most rows have colons alone, and the names take time to look for."""

_ROW_PAIR = re.compile(rf"([A-Za-z_][\w/@ ]{{0,63}}?)\s{{0,9}}[:=]\s{{0,9}}({NUMBER})(?![\w.:/])")
"""One figure of a row: `loss: 4.12`, `lr:2e-05`, `sched=0.01`; `Accuracy: 98/100` counts something."""

_WORDS = {"norm": "grad_norm", "dev_loss": "valid_loss", "average_loss": "train_loss"}
"""Names in rows that are no names in files."""

_COUNTER = re.compile(r".*\d/\d+ ")
"""What stands before a figure's own name in `foo 2/300 loss: 0.8`."""

_PLACE = re.compile(
    r"(?i)(?:(?P<joined>\s(?:at|after|of|for) )|(?<![\w/.-]))"
    r"(?:(?:global[ _])?(?P<word>step|iter(?:ation)?|batch|epoch)\s{0,4}[:=#]?\s{0,4}[\[(]?|(?P<bare>\[))"
    r"(?P<at>\d{1,15})(?:(?:/| of )(?P<of>\d{1,15}))?(?: ?\(\d{1,3}(?:\.\d{1,9})?%\))?[\])]?(?![\w/]|\.\d)"
)
"""Where a row stands: `Epoch 2/3`, `Step [100/600]`, `[2/300]`, `at step 2`, `[640/60000 (1%)]`."""

_MOST_PLACES = 8
"""Steps and epochs of one row that are read."""

_TEST = "Test set: Average loss"
"""What PyTorch's example for MNIST says of its validation."""

_TELLING = frozenset(
    {"train_loss", "valid_loss", "learning_rate", "grad_norm", "perplexity", "ppl", "reward"}
)


class WrittenRow(NamedTuple):
    """What such a row says: where it stands, by its own counting, and its figures."""

    figures: Figures
    step: int | None = None
    total_steps: int | None = None
    epoch: int | None = None
    total_epochs: int | None = None


def row_values(text: str) -> dict[str, str]:
    """Return the figures of a row by their names; of two of one name, the first."""
    values: dict[str, str] = {}
    words = _WORD_PAIR.finditer(text) if _HAS_WORD_PAIR.search(text) else ()
    for match in (*words, *_ROW_PAIR.finditer(text)):
        values.setdefault(_own_name(match[1]), match[2])
    return values


@lru_cache(maxsize=1024)
def _own_name(name: str) -> str:
    """Return the name of a figure in a row as it would stand in a file."""
    name = _COUNTER.sub("", name.strip())
    plain = name.lower().replace(" ", "_")
    return _WORDS.get(plain) or (plain if plain in NAMES else name)


def may_be_written_row(lower: str) -> bool:
    """Whether a line, in lower case, may be such a row: a cheap test, because most lines are none."""
    return "loss" in lower or "acc" in lower or "lr" in lower or "rate" in lower or "reward" in lower


def read_written_row(text: str) -> WrittenRow | None:
    """Read a line; None for one that is no such row."""
    if text.startswith(_TEST):
        return WrittenRow(read_figures(row_values(text.replace(_TEST, "valid_loss", 1))))
    rest: list[str] = []
    end = 0
    step = total_steps = epoch = total_epochs = None
    for match in islice(_PLACE.finditer(text), _MOST_PLACES):
        # `loss at step 2: 0.8` goes on behind the step.
        rest += text[end : match.start()], "" if match["joined"] else "|"
        end = match.end()
        at, of = int(match["at"]), int(match["of"]) if match["of"] else None
        # Of two steps in one row, the first one counts.
        if (match["word"] or "").lower() == "epoch":
            epoch, total_epochs = (at, of) if epoch is None else (epoch, total_epochs)
        elif step is None and (match["word"] or of is not None):
            step, total_steps = at, of
    if step is None and epoch is None:
        return None
    figures = read_figures(row_values("".join([*rest, text[end:]])))
    if not any(name in _TELLING or "acc" in name.lower() for name in figures):
        return None
    return WrittenRow(figures, step, total_steps, epoch, total_epochs)


class EpochSteps:
    """Counts the steps of a whole training where its rows count those of an epoch, or nothing but epochs."""

    def __init__(self) -> None:
        self.has_steps = False
        """Some line of the output has told a step."""
        self._first = 1
        """The number of the first epoch: 0 where that was seen."""
        self._epoch: int | None = None
        self._step = self._stride = 0
        """The last step of the epoch, and how far that was from the one before."""
        self._before = 0
        """Steps of the epochs before, where no row tells how many an epoch has."""
        self._goes_on = False
        """The steps do not begin anew with an epoch."""
        self._told_of: int | None = None
        self._told: set[str] = set()
        """The epoch of the last row without a step, and the figures that were told of it."""

    def place(self, row: WrittenRow) -> Figures:
        """Return the figures of a row, and where in the whole training they stand."""
        figures, epoch = dict(row.figures), row.epoch
        if epoch is None:
            if row.step is not None:
                figures["step"] = row.step
            if row.total_steps is not None:
                figures["total_steps"] = row.total_steps
            return figures
        self._first = min(self._first, epoch)
        done = epoch - self._first
        if row.total_epochs is not None:
            figures["total_epochs"] = row.total_epochs
        if row.step is None:
            return {**figures, "epoch": done + 1, **self._as_step(row)}
        self._note(row.step, row.total_steps, epoch)
        if self._goes_on or row.total_steps is None:
            place: Figures = {"step": self._before + row.step, "epoch": done}
            if row.total_steps is not None:
                place["total_steps"] = row.total_steps
        else:
            size = row.total_steps
            place = {"step": done * size + row.step, "epoch": done + row.step / (size or 1)}
            if row.total_epochs is not None:
                place["total_steps"] = size * row.total_epochs
        return figures | place

    def _note(self, step: int, total: int | None, epoch: int) -> None:
        """Take the step of a row, and find out whether steps begin anew with each epoch."""
        if self._epoch is None or epoch < self._epoch:
            self._before, self._goes_on, self._step = 0, False, 0
        elif epoch > self._epoch:
            if step > self._step:
                self._goes_on = True
            elif not self._goes_on:
                self._before += total or self._step + self._stride
        if self._epoch == epoch:
            self._stride = max(1, step - self._step)
        self._epoch, self._step = epoch, step

    def _as_step(self, row: WrittenRow) -> Figures:
        """Return an epoch as a step, as in the tables that Keras writes, where nothing else counts steps.

        A figure that is told again in the same epoch is of no step that is known.
        """
        if row.epoch != self._told_of:
            self._told_of, self._told = row.epoch, set()
        if row.epoch is None or self.has_steps or not self._told.isdisjoint(row.figures):
            return {}
        self._told.update(row.figures)
        total = {} if row.total_epochs is None else {"total_steps": row.total_epochs}
        return {"step": row.epoch, **total}
