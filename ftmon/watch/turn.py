"""The session that is shown, and how far its front end is."""

from collections import Counter
from dataclasses import dataclass, field

from ftmon.model.key import JobKey
from ftmon.model.update import Update


@dataclass(slots=True)
class Turn:
    """What the history's thread knows of the session that is shown."""

    session: int
    key: JobKey
    position: int = 0
    """The position of the last row that was handed over."""
    rest: Update | None = None
    """Follows once the rows are handed over; None where the front end is not behind."""
    skipped: Counter[int] = field(default_factory=Counter)
    """Keys of events that were shown before they could be recorded: their rows are passed over."""
    is_held: bool = False
    """The past is partial, and is not shown until it is known whether the service tells all of it again."""
    owed: int = 0
    """The position of the last row that is to be handed over at least."""
    file: int | None = None
    """The file that the position belongs to."""
    is_failing: bool = False
    """The rows could not be read the last time."""
