"""The bar of keys that are available now, as many as fit."""

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

_ALWAYS = ("help", "quit")

_ORDER = (
    "prompt.cancel",
    "job.retry",
    "replay",
    "replay.halt",
    "replay.faster",
    "replay.slower",
    "job.open",
    "log.search",
    "log.filter",
    "view.chart",
    "chart.left",
    "chart.next",
    "log.follow",
    "log.times",
    "log.open",
    "copy",
    "log.save",
    "job.cancel",
    "job.info",
    "chart.smooth",
    "chart.scale",
    "chart.axis",
    "chart.in",
    "chart.many",
    "view.dark",
    *_ALWAYS,
)
"""The ids of the bindings shown, the most useful first."""


class KeyBar(Widget):
    """A row of keys. A click on a key presses it."""

    def on_mount(self) -> None:
        """Repaint whenever the screen's bindings change."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh()

    def render(self) -> Content:
        """Return the keys in the order of `_ORDER`. Those of `_ALWAYS` come last and are never left out."""
        found: dict[str, Binding] = {}
        for active in self.screen.active_bindings.values():
            name = active.binding.id
            if name in _ORDER and active.binding.show and active.enabled:
                found.setdefault(name, active.binding)
        always = [self._entry(found.pop(name)) for name in _ALWAYS if name in found]
        room = self.content_size.width - sum(entry.cell_length for entry in always)
        shown = []
        for name in _ORDER:
            if name in found:
                entry = self._entry(found[name])
                room -= entry.cell_length
                if room < 0:
                    break
                shown.append(entry)
        return Content.assemble(*shown, *always)

    def _entry(self, binding: Binding) -> Content:
        press = Style.from_meta({"press": binding.key})
        display = self.app.get_key_display(binding)
        entry = Content.assemble((display, ".key"), " ", (binding.description, ".muted"), "  ")
        return entry.stylize(press)

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        key = event.style.meta.get("press")
        if key is not None:
            self.app.simulate_key(key)
