"""Starting the demo service, in this process or in one of its own, and saying where it is."""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec

from ftmon.errors import FtmonError, UsageError
from ftmon.lines.output import write

SECONDS_TO_END = 3.0
"""How long a service may take to end before it is killed: some ten times what it needs."""


@dataclass(frozen=True)
class Service:
    """Where a service is, and the job that it has."""

    base_url: str
    job_id: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the demo service to a parser."""
    parser.add_argument(
        "--steps",
        type=_count,
        default=200,
        metavar="N",
        help="train for N steps, about four of them a second (default: %(default)s)",
    )
    parser.add_argument(
        "--epochs",
        type=_count,
        default=4,
        metavar="N",
        help="go through the text N times in these steps (default: %(default)s)",
    )
    parser.add_argument(
        "--speed",
        type=_factor,
        default=1.0,
        metavar="N",
        help="run N times as fast, 0.5 for half as fast (default: 1)",
    )
    parser.add_argument("--fail", action="store_true", help="let the training diverge midway: the job fails")
    parser.add_argument(
        "--cut-after",
        type=_count,
        metavar="N",
        help="cut each stream after N new events, as the real service often did",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=0,
        metavar="N",
        help="the port to listen on, 0 for a free one (default: %(default)s)",
    )


@contextmanager
def running(options: argparse.Namespace) -> Iterator[Service]:
    """Run the service in a process of its own, which ends with this block or this process, however that ends.

    It has its own session, so that Ctrl-C in the terminal does not reach it, and writes nothing there.

    Raises:
        UsageError: when an option cannot be had, or the demo's extra is not installed.
        FtmonError: when the service does not start.
    """
    _require_extra()
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(
            # -P: the user's directory is no place to import modules from.
            [sys.executable, "-P", "-m", "ftmon.demo", "--end-with-stdin", *_arguments(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                failure = UsageError if process.wait() == UsageError.exit_status else FtmonError
                complaints.seek(0)
                raise failure(complaints.read().decode(errors="replace").strip())
            yield Service(**json.loads(line))
        finally:
            process.stdin.close()
            try:
                process.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()


def serve(options: argparse.Namespace, *, parent: int | None = None) -> int:
    """Serve in this process until it is told to stop, and return the exit status.

    `parent` is the reading end of a pipe whose other end's closing is such a sign too.

    Raises:
        UsageError: when an option cannot be had, or the demo's extra is not installed.
        OutputError, BrokenPipeError: when the announcement cannot be written.
    """
    _require_extra()
    from ftmon.demo import server
    from ftmon.demo.training import Course, Training

    training = Training(Course(options.steps, options.epochs, options.speed, diverges=options.fail))
    try:
        listener = socket.create_server(("127.0.0.1", options.port))
    except OSError as error:
        raise UsageError(
            f"Port {options.port} cannot be used ({os.strerror(error.errno or 0)}): "
            "give another one, or 0 for a free one."
        ) from error
    service = Service(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", training.job.id)

    def announce() -> None:
        write(json.dumps(asdict(service)).encode() + b"\n")

    try:
        return asyncio.run(server.serve(listener, training, announce, options.cut_after, parent))
    except ExceptionGroup as group:
        # The training ends with the service; what ended the service is what there is to tell.
        raise group.exceptions[0] from group


def _require_extra() -> None:
    if not all(find_spec(name) for name in ("starlette", "uvicorn")):
        raise UsageError(
            "The demo needs a web server: install ftmon with its demo extra: pip install '.[demo]'"
        )


def _arguments(options: argparse.Namespace) -> list[str]:
    arguments = [f"--{name}={getattr(options, name)}" for name in ("steps", "epochs", "speed", "port")]
    if options.fail:
        arguments.append("--fail")
    if options.cut_after:
        arguments.append(f"--cut-after={options.cut_after}")
    return arguments


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _factor(text: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return factor


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, 0 to 65535")
    return int(text)
