"""An app that handles a key to its end before the next one."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from textual import events
from textual.app import App, ScreenStackError
from textual.message_pump import MessagePump

_LONGEST = 5
"""Seconds to wait for a widget. Only one that has failed, or closes, needs longer."""


class OrderedApp(App[int]):
    """Handles one key, or one paste, after the other, however many come at once.

    Textual sends a key through the queues of the focused widget and of all around it, and the next one behind
    it. So keys that follow `o` at once would have passed before the dialog has the focus.
    """

    async def on_event(self, event: events.Event) -> None:
        """Handle an event. After a key, wait until the widgets have done all that it asks of them."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        reached = self.focused.ancestors_with_self if self.focused else [self.screen]
        if isinstance(event, events.Paste) or self._is_text(event):
            await super().on_event(event)
        else:
            self.app_focus = True
            if not await self._check_bindings(event.key, priority=True):
                await self._check_bindings(event.key)
        await self._settle([node for node in reached if node is not self])

    def _is_text(self, key: events.Key) -> bool:
        """Whether the focused field takes a key as text."""
        return self.focused is not None and self.focused.check_consume_key(key.key, key.character)

    async def _settle(self, nodes: Sequence[MessagePump]) -> None:
        """Wait for the nodes, the innermost first, and then for a screen that may have come on top."""
        for node in nodes:
            await _caught_up(node)
        # A dialog's answer is one of these. Textual would leave it until no message is queued.
        await self._flush_next_callbacks()
        # The key may have ended the app.
        with suppress(ScreenStackError):
            await _caught_up(self.screen)


async def _caught_up(node: MessagePump) -> None:
    """Wait until a node has handled all messages that are queued for it."""
    done = asyncio.Event()
    if node.call_later(done.set):
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST):
                await done.wait()
