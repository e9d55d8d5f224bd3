"""How the user wants to see a chart."""

from enum import StrEnum
from typing import NamedTuple


class Across(StrEnum):
    """What stands on the x axis."""

    STEP = "step"
    EPOCH = "epoch"
    TIME = "time"


SMOOTHINGS = (0.0, 0.6, 0.9, 0.99)
"""The factors to choose from; 0 is no smoothing."""

_LEAST_WINDOW = 1 / 4096
"""The smallest part of the x axis that can be shown."""


class View(NamedTuple):
    """What the user chose. Each method returns the view after one more choice."""

    is_shown: bool | None = None
    """Whether the chart is shown; None where there is room."""
    is_alone: bool = False
    """The chart has the room of the log, too."""
    is_many: bool | None = None
    """Whether several charts are shown; None where there is room."""
    metric: str = ""
    """The name of the curves shown; empty for those that the run is judged by."""
    is_logarithmic: bool | None = None
    """Whether the y axis is logarithmic; None as the values need it."""
    across: Across = Across.STEP
    smoothing: float = 0.9
    start: float = 0.0
    end: float = 1.0
    """The part of the x axis that is shown."""
    cursor: int | None = None
    """The step that is marked."""

    @property
    def is_zoomed(self) -> bool:
        """Only a part of the x axis is shown."""
        return (self.start, self.end) != (0.0, 1.0)

    def smoothed_more(self) -> "View":
        """Take the next factor."""
        index = SMOOTHINGS.index(self.smoothing)
        return self._replace(smoothing=SMOOTHINGS[(index + 1) % len(SMOOTHINGS)])

    def zoomed(self, factor: float, centre: float) -> "View":
        """Show a part that is `factor` times as long. `centre`, 0 to 1, stays where it is on the screen."""
        length = min(1.0, max(_LEAST_WINDOW, (self.end - self.start) * factor))
        fixed = self.start + centre * (self.end - self.start)
        return self._from(fixed - centre * length, length)

    def panned(self, share: float) -> "View":
        """Move the part that is shown by a share of its length."""
        length = self.end - self.start
        return self._from(self.start + share * length, length)

    def showing(self, start: float, end: float) -> "View":
        """Show this part; all, where it is too small."""
        return self._from(start, end - start) if end - start >= _LEAST_WINDOW else self.whole()

    def whole(self) -> "View":
        """Show all of the x axis."""
        return self._replace(start=0.0, end=1.0)

    def _from(self, start: float, length: float) -> "View":
        start = max(0.0, min(1.0 - length, start))
        return self._replace(start=start, end=start + length)
