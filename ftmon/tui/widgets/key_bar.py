"""The bar of keys that are available now, as many as fit."""

from collections.abc import Iterable

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

_ALWAYS = ("help", "quit")

_ORDER = (
    "prompt.take",
    "prompt.cancel",
    "job.retry",
    "replay",
    "replay.halt",
    "log.search",
    "log.filter",
    "log.follow",
    "view.chart",
    "replay.faster",
    "replay.slower",
    "chart.left",
    "chart.next",
    "log.open",
    "job.facts",
    "job.open",
    "log.thin",
    "log.times",
    "copy",
    "log.save",
    "job.cancel",
    "chart.smooth",
    "chart.scale",
    "chart.axis",
    "chart.in",
    "chart.many",
    "view.theme",
    *_ALWAYS,
)
"""The ids of the bindings shown, the most useful first."""

_COMING = ("prompt.", "job.retry", "replay", "chart.", "job.cancel")
"""How the ids begin of keys that come and go. They stand last, so that no other key moves."""

SWITCHES = {"log.filter", "log.follow", "view.chart", "log.thin"}
"""Keys that switch something on and off. A tick stands in its own cell, so that nothing moves."""


class KeyBar(Widget):
    """A row of keys. A click on a key presses it."""

    switched_on: reactive[frozenset[str]] = reactive(frozenset())
    """The ids of the switches that are on."""

    def on_mount(self) -> None:
        """Repaint whenever the screen's bindings change."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh()

    def render(self) -> Content:
        """Return the most useful keys. Those of `_ALWAYS` come last and are never left out."""
        found: dict[str, Binding] = {}
        for active in self.screen.active_bindings.values():
            name = active.binding.id
            if name in _ORDER and active.binding.show and active.enabled:
                found.setdefault(name, active.binding)
        entries = {name: self._entry(found[name]) for name in _ORDER if name in found}
        always = [entries.pop(name) for name in _ALWAYS if name in entries]
        room = self.content_size.width - Content.assemble(*always).rstrip().cell_length
        shown = _fitting(entries, room)
        staying = [entries[name] for name in shown if not name.startswith(_COMING)]
        coming = [entries[name] for name in shown if name.startswith(_COMING)]
        return Content.assemble(*staying, *coming, *always).rstrip()

    def _entry(self, binding: Binding) -> Content:
        display = self.app.get_key_display(binding)
        gap = "  "
        if binding.id in SWITCHES:
            gap = " ✓ " if binding.id in self.switched_on else "   "
        entry = Content.assemble((display, ".key"), " ", (binding.description, ".muted"), (gap, ".key"))
        return entry.stylize(Style.from_meta({"press": binding.key}))

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        key = event.style.meta.get("press")
        if key is not None:
            self.app.simulate_key(key)


def _fitting(entries: dict[str, Content], room: int) -> Iterable[str]:
    """Return the first entries that fit into so many cells."""
    shown = []
    for name, entry in entries.items():
        room -= entry.cell_length
        if room < 0:
            break
        shown.append(name)
    return shown
