"""Finds events in the log while keys are handled: the filter, the search, and every jump."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from ftmon.errors import UsageError
from ftmon.model.message import step_of
from ftmon.tui.log.filter import NO_STEPS, Filter, thinning
from ftmon.tui.log.finder import Finder, neighbour
from ftmon.tui.log.jump import place_of_step, place_of_time
from ftmon.tui.log.pattern import is_unfinished
from ftmon.tui.log.scan import Scan
from ftmon.tui.widgets.event_log import EventLog, Spot

_SLICE = 0.008
"""Seconds of looking through events after which keys have their turn."""

_YIELD = 0.001
"""Seconds between two slices."""

_MOST_AFTER = 2000
"""Events at the end among which one that tells a step is looked for."""


class _Wish(NamedTuple):
    """A jump to what a scan finds. The scan may not have come that far."""

    scan: Scan
    origin: int
    """The index of the event to look from."""
    step: int
    """1 looks for a later event, -1 for an earlier one."""
    goes_round: bool
    """After the last one comes the first one."""
    failure: str
    """What to say if there is none; empty while the user types."""


class Aim(NamedTuple):
    """What is looked for, and where the user is."""

    filter: Filter
    search: str
    spot: Spot


class Finding:
    """Looks through the events of a log in slices, and moves in it. `say` takes a sentence for the user."""

    def __init__(self, log: EventLog, say: Callable[[str], None]) -> None:
        self._log = log
        self._say = say
        self._wish: _Wish | None = None
        self._is_scheduled = False
        """A slice has a timer."""

    @property
    def _finder(self) -> Finder:
        return self._log.finder

    @property
    def aim(self) -> Aim:
        """What is looked for, and where the user is, to return to."""
        pattern = self._finder.pattern
        return Aim(self._finder.filter, pattern.text if pattern else "", self._log.spot)

    def return_to(self, aim: Aim) -> None:
        """Look for what was looked for, and go back to where the user was."""
        self._finder.search(aim.search)
        if self._finder.filter != aim.filter:
            self._set_filter(aim.filter)
        self._wish = None
        self._log.return_to(aim.spot)
        self._log.refresh()
        self._tell()

    def preview_filter(self, text: str) -> None:
        """Show only the events that pass, if the text is a filter already."""
        if not Filter(text).is_unfinished:
            with suppress(UsageError):
                self.filter(text)

    def preview_search(self, text: str, spot: Spot) -> None:
        """Go to what is found, or to a step, if the text can be looked for already."""
        if not is_unfinished(text):
            with suppress(UsageError):
                self.search(text, spot, says_failure=False)

    def filter(self, text: str) -> None:
        """Show only the events that pass. The present ones stay until all events were looked at.

        Raises:
            UsageError: for a text that is no filter.
        """
        self._set_filter(self._finder.filter._replace(text=text))

    def thin(self) -> None:
        """Show only some of the steps, then none, then all again."""
        every = self._finder.filter.every
        if every != 1:
            self._set_filter(self._finder.filter._replace(every=NO_STEPS if every else 1))
            return
        events = self._log.all_events
        last = next((step for event in events[: -_MOST_AFTER - 1 : -1] if (step := step_of(event))), None)
        if last is None:
            self._say("No step is told, so there is nothing to thin.")
        else:
            self._set_filter(self._finder.filter._replace(every=thinning(last)))

    def _set_filter(self, chosen: Filter) -> None:
        self._finder.set_filter(chosen)
        self._wish = None
        if self._finder.coming is None:
            self._log.show(None)
        self._tell()

    def search(self, text: str, spot: Spot, *, says_failure: bool = True) -> None:
        """Look for a pattern, and go to the first event with it from the top of the screen on.

        `spot` is where the user began to type. Who followed there comes to the last event with it. A number
        is a step to go to. An empty text ends the search.

        Raises:
            UsageError: for a regex that is none, or a step that is absurd.
        """
        step_wanted = read_step(text)
        if step_wanted is not None:
            self.go_to_step(step_wanted)
            return
        self._finder.search(text)
        self._log.return_to(spot)
        self._log.refresh()
        self._wish = None
        hits = self._finder.hits
        if hits is not None and spot.top is not None:
            step, origin = (-1, len(self._log.all_events)) if spot.following else (1, spot.top - 1)
            self._wish = _Wish(hits, origin, step, True, f"No event has {text}" if says_failure else "")
        self._tell()

    def next_hit(self, step: int) -> bool:
        """Go to the next event found, or the one before. Return whether something is searched for."""
        if self._finder.hits is None or self._finder.pattern is None:
            return False
        self._go(self._finder.hits, step, True, f"No event has {self._finder.pattern.text}")
        return True

    def next_milestone(self, step: int) -> None:
        """Go to the next milestone, or the one before."""
        failure = f"No milestone {'before' if step < 0 else 'after'} this event"
        self._go(self._finder.find_milestones(), step, False, failure)

    def _go(self, scan: Scan, step: int, goes_round: bool, failure: str) -> None:
        if (here := self._log.here) is not None:
            self._wish = _Wish(scan, here, step, goes_round, failure)
            self.look()

    def _tell(self) -> None:
        self._log.post_message(EventLog.Changed())
        self.look()

    def look(self) -> None:
        """Look through events for a slice. Go on after keys had their turn."""
        if self._is_scheduled:
            return
        finder = self._finder
        if not finder.is_done:
            try:
                finder.run(_SLICE)
            except TimeoutError:
                self.give_up()
                return
            self._log.post_message(EventLog.Changed())
            if finder.is_done:
                self._log.refresh()
        if (coming := finder.coming) is not None and coming.is_done:
            finder.coming = None
            self._log.show(coming)
        self._grant()
        if not finder.is_done:
            self._is_scheduled = True
            # Use a timer. Callbacks run before the next message, so they would delay keys.
            self._log.set_timer(_YIELD, self._look_on, name="look")

    def _look_on(self) -> None:
        self._is_scheduled = False
        self.look()

    def give_up(self) -> None:
        """End filter and search, because a regex takes too long."""
        self._say("This regex takes too long. Filter and search are off.")
        self._finder.search("")
        self._set_filter(Filter())

    def _grant(self) -> None:
        """Go where the user wished to, once that was found."""
        wish = self._wish
        if wish is None:
            return
        if wish.scan not in (self._finder.hits, self._finder.milestones):
            # Another run is shown by now.
            self._wish = None
            return
        if wish.step < 0 and wish.scan.done < min(wish.origin, len(self._log.all_events)):
            return
        found = wish.scan.found
        index = neighbour(found, wish.origin, wish.step)
        if index is None and not wish.scan.is_done:
            return
        self._finder.round_to = None
        if index is None and found and wish.goes_round:
            index = self._finder.round_to = found[0 if wish.step > 0 else -1]
        self._wish = None
        if index is not None:
            self._log.go_to(index)
        elif wish.failure:
            self._say(f"{wish.failure}.")

    # Jumps that need no scan

    def go_to_step(self, step: int) -> None:
        """Go to the first event at a step, or at a later one."""
        self._log.go_to_place(place_of_step(self._log.all_events, self._log.shown, step))

    def go_to_time(self, time: datetime) -> None:
        """Go to the first event at a time, or at a later one."""
        self._log.go_to_place(place_of_time(self._log.all_events, self._log.shown, time))

    def go_by_minutes(self, step: int) -> None:
        """Go a minute further, or a minute back, but always to another event."""
        log = self._log
        if (here := log.here) is None or (at := log.all_events[here].created_at) is None:
            self._say("This event has no time.")
            return
        place = place_of_time(log.all_events, log.shown, at + timedelta(minutes=step))
        present = log.place - 1
        log.go_to_place(max(place, present + 1) if step > 0 else min(place, present - 1))

    def toggle_mark(self) -> None:
        """Mark the event that the user is at, or remove its mark."""
        if (here := self._log.here) is not None:
            self._finder.toggle_mark(here)
            self._log.refresh()
            self._log.post_message(EventLog.Changed())

    def next_mark(self) -> None:
        """Go to the next mark. After the last one comes the first one."""
        marks = [index for index in self._finder.marks if self._finder.shows(index)]
        if not marks:
            self._say("There is no mark. m sets one.")
            return
        here = self._log.here
        after = None if here is None else neighbour(marks, here, 1)
        self._log.go_to(marks[0] if after is None else after)

    def back(self) -> bool:
        """End the choice, else the search, else the filter. Return False if there is none of them."""
        if self._log.chosen is not None:
            self._log.chosen = None
            self._log.follow_at_end()
        elif self._finder.pattern is not None:
            self._finder.search("")
            self._log.refresh()
            self._tell()
        elif self._finder.filter != Filter():
            self._set_filter(Filter())
        else:
            return False
        return True


def read_step(text: str) -> int | None:
    """Return the step that was typed, or None for anything else."""
    if not (text.isascii() and text.isdigit()):
        return None
    if len(text) > 15:
        raise UsageError("There is no such step.")
    return int(text)
