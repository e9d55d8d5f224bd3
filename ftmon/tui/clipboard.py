"""Copies through the terminal (OSC 52), so that it works over ssh too, and says what became of it."""

import asyncio
import os
from base64 import b64encode
from contextlib import suppress
from typing import Any

from textual.app import App

from ftmon.text import count
from ftmon.tui.driver import Enveloped

_LONGEST_ANSWER = 2.0
"""Seconds that tmux may take to say what it lets through."""

_MANY = 70_000
"""Characters from which on some terminals take nothing: xterm and others have such a limit."""


def copy(app: App[Any], text: str, what: str) -> None:
    """Send a text to the terminal's clipboard, and say so. `what` names it.

    It returns at once, because the next key waits for this one, and tmux may take its time.
    """
    app.run_worker(_copy(app, text, what))


async def _copy(app: App[Any], text: str, what: str) -> None:
    obstacle = ""
    # Where tmux takes nothing from a program, it ignores this.
    app.copy_to_clipboard(text)
    if os.environ.get("TMUX") and await _option("-gsv", "set-clipboard") != "on":
        if await _option("-Apv", "allow-passthrough") in ("on", "all"):
            app.post_message(Enveloped(f"\x1b]52;c;{b64encode(text.encode()).decode()}\a"))
        else:
            obstacle = " tmux lets nothing through: “set -g set-clipboard on” in ~/.tmux.conf changes that."
    if len(text) > _MANY:
        obstacle += f" It has {count(len(text))} characters; some terminals take fewer."
    app.notify(
        f"Sent {what} to the terminal's clipboard.{obstacle}",
        severity="warning" if obstacle else "information",
        markup=False,
        timeout=8 if obstacle else 2,
    )


async def _option(*words: str) -> str:
    """Return an option of tmux; empty where it cannot be asked or has none of that name."""
    with suppress(OSError, TimeoutError):
        process = await asyncio.create_subprocess_exec(
            "tmux",
            "show-options",
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(_LONGEST_ANSWER):
                answer, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        return answer.decode(errors="replace").strip()
    return ""
