"""The figures that an event's `data` holds, as OpenAI's current API and its kin send them."""

from typing import Any, NamedTuple

from ftmon.model.event import Details, Event
from ftmon.model.figures import count, number


class Metrics(NamedTuple):
    """The figures in an event's `data`; None for each that is missing."""

    step: int | None = None
    total_steps: int | None = None
    train_loss: float | None = None
    valid_loss: float | None = None
    train_reward: float | None = None
    """The mean reward of reinforcement fine-tuning, which has no loss, or one that tells little."""
    valid_reward: float | None = None
    remaining: float | None = None
    """Seconds left, as the service estimates them."""
    is_spare: bool = False
    """They may come later than those of other events with the same steps, and count only without those."""


_SPARE = ("checkpoint", "history")
"""Types of events whose figures are spare."""

NO_METRICS = Metrics()

_NAMES = (
    ("step", "step"),
    ("current_steps", "step"),
    ("total_steps", "total_steps"),
    ("train_loss", "train_loss"),
    ("loss", "train_loss"),
    ("full_valid_loss", "valid_loss"),
    ("valid_loss", "valid_loss"),
    ("eval_loss", "valid_loss"),
    # OpenAI, Amazon Bedrock (SERVICES §2.8), TRL
    ("train_mean_reward", "train_reward"),
    ("critic_rewards_mean", "train_reward"),
    ("reward", "train_reward"),
    ("full_valid_mean_reward", "valid_reward"),
    ("valid_mean_reward", "valid_reward"),
    ("eval_reward", "valid_reward"),
    ("eta_seconds", "remaining"),
)
"""The names that services give the figures. Of two for one figure, the first one counts."""

_COUNTS = frozenset({"step", "total_steps"})

_MOST = 1e300


def parse_metrics(event: Event) -> Metrics:
    """Read the figures in an event's `data`."""
    return read_metrics(event.details) if '"data"' in event.raw else NO_METRICS


def read_metrics(details: Details) -> Metrics:
    """Read the figures in the `data` of decoded details."""
    data = details.data
    if not isinstance(data, dict):
        return NO_METRICS
    found: dict[str, Any] = {}
    for name, figure in _NAMES:
        if name in data and figure not in found:
            value = count(data[name]) if figure in _COUNTS else _measured(data[name])
            if value is not None:
                found[figure] = value
    return Metrics(**found, is_spare=details.type in _SPARE)


def _measured(value: object) -> float | None:
    found = number(value)
    return float(found) if found is not None and abs(found) < _MOST else None
