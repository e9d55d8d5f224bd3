"""The keeper of a command: starts it, waits for its exit status, and cancels it when it is asked to.

It runs in a process and a session of its own, so that the training outlives the screen and its terminal. The
command writes into the run's file by itself: whatever happens to its keeper, it goes on.
"""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from ftmon.local.run_directory import RUN_VARIABLE, SOCKET, End, RunDirectory, now

_PATIENCE = 60.0
"""Seconds between a cancel and SIGKILL."""

_WRITE_AGAIN = 5.0
"""Seconds until the end is written again, where the disk is full."""

_ORDER = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
"""What the first, the second and each later cancel sends."""

_FORWARDED = frozenset({signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2})
"""Signals that are passed on: those of Slurm, systemd and docker."""

_LARGEST_QUESTION = 4096


class Keeper:
    """Keeps one command."""

    def __init__(self, run: RunDirectory, output: int, *, patience: float = _PATIENCE) -> None:
        self._run = run
        # Kept open until the end is recorded, so that nobody takes the run for one that ended without a word.
        self._output = output
        self._patience = patience
        self._server: asyncio.Server | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._cancels = 0
        self._end: End | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, command: list[str], directory: Path) -> None:
        """Start the command, in a process group of its own, and listen; raises OSError."""
        self._server = await asyncio.start_unix_server(self._answer, SOCKET, limit=_LARGEST_QUESTION)
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            cwd=directory,
            # A buffered line may come hours late, or never.
            env={**os.environ, "PYTHONUNBUFFERED": "1", RUN_VARIABLE: str(self._run.path)},
            process_group=0,
        )

    async def keep(self) -> None:
        """Wait for the command, answer questions meanwhile, and record how it ended."""
        assert self._process is not None, "started before"
        assert self._server is not None, "started before"
        status = await self._process.wait()
        if self._timer is not None:
            self._timer.cancel()
        self._end = End(status, self._cancels > 0, now())
        await self._record(self._end)
        os.close(self._output)
        self._server.close()
        with suppress(OSError):
            self._run.socket.unlink()

    async def _record(self, end: End) -> None:
        """Record the end, on a full disk as soon as there is room; whoever asks meanwhile hears it."""
        while True:
            try:
                self._run.write_end(end)
                return
            except FileNotFoundError:
                # The run was removed, and nobody asks for its end.
                return
            except OSError:
                await asyncio.sleep(_WRITE_AGAIN)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError, asyncio.LimitOverrunError):
            question = json.loads(await reader.readline())
            writer.write(json.dumps(self._told(question)).encode() + b"\n")
            await writer.drain()
        writer.close()

    def _told(self, question: Any) -> dict[str, Any]:
        """Do what is asked, and return the answer."""
        if self._end is None and question == {"ask": "cancel"}:
            self._cancel()
        elif self._end is None and isinstance(question, dict) and question.get("signal") in _FORWARDED:
            self._send(question["signal"])
        end = self._end
        return {
            "cancels": self._cancels,
            "end": None if end is None else {"status": end.status, "is_cancelled": end.is_cancelled},
        }

    def _cancel(self) -> None:
        self._send(_ORDER[min(self._cancels, len(_ORDER) - 1)])
        self._cancels += 1
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._patience, self._send, signal.SIGKILL)

    def _send(self, number: int) -> None:
        """Send a signal to the process group of the command, which this process has not reaped yet."""
        assert self._process is not None, "started before"
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


async def _keep(run: RunDirectory, question: dict[str, Any]) -> int:
    """Keep a command, and print in a line of JSON whether it was started."""
    keeper = Keeper(run, question["output"])
    try:
        await keeper.start(question["command"], Path(question["directory"]))
    except OSError as error:
        print(json.dumps({"error": error.strerror or str(error)}), flush=True)
        return 1
    print(json.dumps({"error": None}), flush=True)
    # Nobody reads what is printed from now on.
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    await keeper.keep()
    return 0


def _main(path: Path) -> int:
    question = json.loads(sys.stdin.buffer.readline())
    if os.fork():
        # The process that ftmon waits for: the keeper is nobody's child.
        return 0
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT):
        # A handler, because the command would inherit that a signal is ignored.
        signal.signal(number, lambda number, frame: None)
    # A socket's path may have 108 bytes only.
    os.chdir(path)
    return asyncio.run(_keep(RunDirectory(path), question))


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
