"""Reads JSON Lines as trainers write them: one object for each step that is logged.

LLaMA-Factory's `trainer_log.jsonl`, ms-swift's `logging.jsonl`, verl, tinker-cookbook, torchtune, and one's
own (TRAINERS §2). The same keys stand under many names (`model.figures`).
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ftmon import json_text
from ftmon.local.entry import SENTENCES, Entry, Outcome
from ftmon.model.event import Level, parse_level, parse_time
from ftmon.model.figures import TRAILERS, Figures, count, in_words, number, read_figures, sums_up
from ftmon.model.job import Status
from ftmon.safe import safe

_LONGEST = 65_536
"""Characters of a line that is only text."""

_MESSAGES = ("message", "msg", "text", "event")
_LEVELS = ("level", "severity")
_TIMES = ("timestamp", "time", "created_at", "_timestamp", "logged_at")
_STATES = ("status", "state", "event")
_EXIT_CODES = ("exit_code", "returncode")

_OUTCOMES = {
    # ftmon's own files, and the words that several loggers share (SERVICES §3.5)
    "succeeded": Status.SUCCEEDED,
    "success": Status.SUCCEEDED,
    "completed": Status.SUCCEEDED,
    "complete": Status.SUCCEEDED,
    "finished": Status.SUCCEEDED,
    "done": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "failure": Status.FAILED,
    "error": Status.FAILED,
    "crashed": Status.FAILED,
    "killed": Status.FAILED,
    "cancelled": Status.CANCELLED,
    "canceled": Status.CANCELLED,
    "stopped": Status.CANCELLED,
}

_PLACES = frozenset({"step", "total_steps", "epoch", "total_epochs", "learning_rate", "num_tokens"})
"""Figures that are no measurement: a line with these alone is no point of a curve."""

_TAKEN = frozenset({*_LEVELS, *_TIMES, *_EXIT_CODES, "pid", "rank", "log_history"})
"""Keys that are no figures, although their values may be numbers."""


_MAY_END = frozenset({*_EXIT_CODES, *_STATES, *TRAILERS, "last_model_checkpoint", "percentage"})
"""Keys, one of which has each line that tells how a run ended."""

_SHORT = 4096
"""Characters of a line whose keys are worth remembering."""


class _Keys(NamedTuple):
    """Which keys of an object tell what. Neighbouring lines have the same keys, so that is found once."""

    times: tuple[str, ...]
    message: tuple[str, ...]
    level: str | None
    figures: tuple[str, ...]
    """Those that may be figures."""
    may_end: bool


class JsonLinesReader:
    """Reads one file from its beginning, line by line."""

    def __init__(self) -> None:
        self._total_steps: int | None = None
        self._rows = 0
        """Rows with figures so far: the step of a row that has none."""

    def read(self, line: str, after: str = "", *, is_open: bool = False) -> list[Entry]:
        """Read one line without its end. A line that is no object is text."""
        text = line.strip("\ufeff\r\n\t ")
        if not text:
            return []
        fields = _object(text)
        if fields is None:
            return [Entry(safe(text[:_LONGEST]))]
        inside = fields.get("data")
        # verl nests its figures, with the step beside them.
        values = {**inside, **fields} if isinstance(inside, dict) else fields
        names = tuple(values)
        entry = self._entry(values, _known_keys(names) if len(text) <= _SHORT else _keys(names))
        return [] if entry is None else [entry]

    def _entry(self, values: Mapping[str, Any], keys: _Keys) -> Entry | None:
        at = next(filter(None, (parse_time(values[name]) for name in keys.times)), None)
        message = next((values[name] for name in keys.message if isinstance(values[name], str)), None)
        level = Level.INFO if keys.level is None else parse_level(values[keys.level])
        figures = read_figures({name: values[name] for name in keys.figures})
        outcome = None
        if keys.may_end:
            lower = {name.lower(): value for name, value in values.items()}
            outcome = _summary(lower, self._total_steps) or _end(lower, figures) or _state(lower)
        if not self._place(figures, is_told=message is not None) and outcome is None and message is None:
            return None
        if message is not None:
            return Entry(safe(message[:_LONGEST]), figures, at, level, outcome)
        if outcome is not None and _PLACES.issuperset(figures):
            return Entry(SENTENCES[outcome.status], figures, at, level, outcome)
        return Entry(in_words(figures), figures, at, level, outcome) if figures else None

    def _place(self, figures: Figures, *, is_told: bool) -> bool:
        """Complete figures by what the lines before have told; False where they are none of the training's.

        LLaMA-Factory writes the steps of its evaluation loop as lines of their own, with another total.
        """
        measured = not _PLACES.issuperset(figures)
        total, step = count(figures.get("total_steps")), count(figures.get("step"))
        if not measured and total is not None and self._total_steps not in (None, total):
            return False
        if measured:
            self._rows += 1
        if step is None and measured and not is_told:
            step = self._rows
            figures["step"] = step
        self._total_steps = total or self._total_steps
        if self._total_steps and "step" in figures:
            figures.setdefault("total_steps", self._total_steps)
        return bool(figures)


def _keys(names: tuple[str, ...]) -> _Keys:
    # Of two keys that are one in lower case, the last one counts.
    by_name = {name.lower(): name for name in names}

    def own(wanted: Iterable[str]) -> tuple[str, ...]:
        return tuple(by_name[name] for name in wanted if name in by_name)

    return _Keys(
        own(_TIMES),
        own(_MESSAGES),
        next(iter(own(_LEVELS)), None),
        tuple(name for name in names if name.lower() not in _TAKEN),
        not _MAY_END.isdisjoint(by_name),
    )


_known_keys = lru_cache(maxsize=256)(_keys)


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json_text.decode(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _summary(lower: Mapping[str, Any], total: int | None) -> Outcome | None:
    """Return the outcome that the last line of ms-swift tells, which it writes after a crash too."""
    if "last_model_checkpoint" not in lower or "global_step" not in lower:
        return None
    step = count(lower["global_step"])
    if total is None or step is None:
        return None
    if step >= total:
        return Outcome(Status.SUCCEEDED)
    return Outcome(Status.FAILED, f"it ended at step {step} of {total}")


def _end(lower: Mapping[str, Any], figures: Figures) -> Outcome | None:
    """Return success for the line in which a trainer sums up: Trainer's, or LLaMA-Factory's at 100 %."""
    if sums_up(lower):
        return Outcome(Status.SUCCEEDED)
    is_whole = number(lower.get("percentage")) == 100 and "current_steps" in lower
    is_point = any(name in figures for name in ("train_loss", "valid_loss", "reward", "predict_loss"))
    is_last = count(figures.get("step")) == count(figures.get("total_steps")) and "step" in figures
    return Outcome(Status.SUCCEEDED) if is_whole and is_last and not is_point else None


def _state(lower: Mapping[str, Any]) -> Outcome | None:
    """Return the outcome that a line names, or that its exit code tells."""
    for name in _EXIT_CODES:
        code = lower.get(name)
        if isinstance(code, int) and not isinstance(code, bool):
            return Outcome(Status.FAILED, f"exit status {code}") if code else Outcome(Status.SUCCEEDED)
    for name in _STATES:
        word = lower.get(name)
        if isinstance(word, str) and (status := _OUTCOMES.get(word.strip().lower())):
            error = lower.get("error") or lower.get("reason")
            return Outcome(status, safe(error) if isinstance(error, str) else "")
    return None
