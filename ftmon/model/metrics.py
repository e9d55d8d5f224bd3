"""The figures that an event's `data` holds, as OpenAI's current API and its kin send them."""

from typing import Any, NamedTuple

from ftmon.model.event import Event


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


def parse_metrics(event: Event) -> Metrics:
    """Read the figures in an event's `data`, as OpenAI's current API and its kin send them."""
    return read_metrics(event.fields) if '"data"' in event.raw else NO_METRICS


def read_metrics(fields: dict[str, Any]) -> Metrics:
    """Read the figures in the `data` of a decoded event."""
    data = fields.get("data")
    if not isinstance(data, dict):
        return NO_METRICS

    def number(*names: str) -> float | None:
        for name in names:
            value = data.get(name)
            if isinstance(value, str):
                try:
                    value = float(value)
                except ValueError:
                    continue
            if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300:
                return float(value)
        return None

    def count(*names: str) -> int | None:
        value = number(*names)
        return int(value) if value is not None and 0 <= value < 1e15 else None

    return Metrics(
        count("step", "current_steps"),
        count("total_steps"),
        number("train_loss", "loss"),
        number("full_valid_loss", "valid_loss", "eval_loss"),
        # OpenAI, Amazon Bedrock (SERVICES §2.8), TRL
        number("train_mean_reward", "critic_rewards_mean", "reward"),
        number("full_valid_mean_reward", "valid_mean_reward", "eval_reward"),
        number("eta_seconds"),
        fields.get("type") in _SPARE,
    )
