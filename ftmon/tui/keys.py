"""All keys and what they do, grouped by task: for the help and the palette."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from textual.actions import parse
from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode

GROUPS = {
    "Watch": (
        "log.follow",
        "log.first",
        "log.up",
        "log.down",
        "log.page_up",
        "log.page_down",
        "log.times",
        "log.wrap",
        "log.left",
        "log.right",
    ),
    "Find": (
        "log.search",
        "log.filter",
        "log.thin",
        "log.next",
        "log.previous",
        "log.milestone_up",
        "log.milestone_down",
        "log.minute_up",
        "log.minute_down",
        "log.to_time",
        "log.mark",
        "log.next_mark",
        "log.back",
        "log.save",
    ),
    "One event": ("log.above", "log.below", "log.open", "copy", "log.copy_json"),
    "Job": ("job.open", "job.facts", "job.retry", "job.read", "job.cancel"),
    "Replay": ("replay", "replay.halt", "replay.faster", "replay.slower"),
    "Chart": (
        "view.chart",
        "chart.alone",
        "chart.larger",
        "chart.smaller",
        "chart.next",
        "chart.before",
        "chart.left",
        "chart.right",
        "chart.far_left",
        "chart.far_right",
        "chart.first",
        "chart.last",
        "chart.clear",
        "chart.in",
        "chart.out",
        "chart.pan_left",
        "chart.pan_right",
        "chart.smooth",
        "chart.scale",
        "chart.axis",
        "chart.many",
    ),
    "Screen": ("palette", "view.theme", "view.losses", "help", "suspend", "quit", "leave"),
}
"""The ids of the bindings, by what they are for."""


class Key(NamedTuple):
    """One thing that keys do."""

    keys: str
    """As they are shown, with spaces between them."""
    does: str
    node: DOMNode
    """Has the action."""
    action: str

    @property
    def is_available(self) -> bool:
        """Whether it does something now."""
        _, name, parameters = parse(self.action)
        return self.node.check_action(name, parameters) is True


def keys_of(app: App[int], nodes: Iterable[DOMNode]) -> dict[str, Sequence[Key]]:
    """Return the keys of these nodes by group."""
    found: dict[str, list[tuple[Binding, DOMNode]]] = {}
    for node in nodes:
        for binding in Binding.make_bindings(type(node).BINDINGS):
            if binding.id is not None:
                found.setdefault(binding.id, []).append((binding, node))
    return {
        group: [_key(app, found[binding_id]) for binding_id in ids if binding_id in found]
        for group, ids in GROUPS.items()
    }


def _key(app: App[int], same: list[tuple[Binding, DOMNode]]) -> Key:
    keys = " ".join(dict.fromkeys(app.get_key_display(binding) for binding, _ in same))
    first, node = same[0]
    return Key(keys, first.tooltip, node, first.action)
