"""What a demo shall do: the value that goes to its process as JSON."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Course:
    """How long to train, how fast, and with which end."""

    steps: int = 200
    epochs: int = 4
    speed: float = 1.0
    """Divides every pause: 2 is twice as fast."""
    diverges: bool = False
    """The learning rate grows ten-thousandfold from the middle on, and the job fails."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What to train, and how to serve it."""

    course: Course = Course()
    cut_after: int | None = None
    """Each stream is cut after this many new events."""
    port: int = 0
    """0 is any free port."""
    api: str = "fine-tunes"
    """Whose address and id the service tells; it serves every API of `serving.apis`."""

    def to_json(self) -> str:
        """Return the setup as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Setup":
        """Return the setup that `to_json` has written."""
        fields = json.loads(text)
        return cls(Course(**fields.pop("course")), **fields)
