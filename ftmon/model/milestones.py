"""What a run has reached and when: its start, first step, epochs, checkpoints and end."""

from datetime import datetime

from ftmon.model.checkpoint import Checkpoint, Checkpoints
from ftmon.model.event import Details, Event
from ftmon.model.figures import count, measured, read_figures
from ftmon.model.message import Facts
from ftmon.model.metrics import Metrics

_MOST_EPOCHS = 1000


class Milestones:
    """The milestones of a run, as its events tell of them. All times are by the service's clock."""

    def __init__(self) -> None:
        self.started_at: datetime | None = None
        self.first_step_at: datetime | None = None
        self.ended_at: datetime | None = None
        """When an event said last that the job is over, which only the job object decides."""
        self.epochs: dict[int, datetime] = {}
        """When each epoch was completed, by its number."""
        self.checkpoints = Checkpoints()

    def note(self, event: Event, facts: Facts, figures: Metrics, details: Details) -> Checkpoint | None:
        """Note what an event tells, and return the checkpoint among it."""
        at, data = event.created_at, details.data
        values = data if isinstance(data, dict) else {}
        if at is not None:
            if facts.started and self.started_at is None:
                self.started_at = at
            if figures.step and self.first_step_at is None and not figures.is_spare:
                self.first_step_at = at
            if facts.claim is not None:
                self.ended_at = at
            epoch = count(values.get("epoch")) if facts.epoch is None else facts.epoch
            if epoch and len(self.epochs) < _MOST_EPOCHS and epoch > next(reversed(self.epochs), 0):
                self.epochs[epoch] = at
        told = facts.checkpoint or (Checkpoint() if details.type == "checkpoint" else None)
        if told is None:
            return None
        step = figures.step if told.step is None else told.step
        told = told._replace(step=step, at=at, figures=measured(read_figures(values)))
        self.checkpoints.add(told)
        return told
