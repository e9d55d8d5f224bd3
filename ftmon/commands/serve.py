"""`ftmon serve [PATH …]`: publish the runs of this machine, for a watcher elsewhere."""

import argparse
import os
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from ftmon.commands.parser import Parser
from ftmon.errors import UsageError
from ftmon.lines.output import say, write
from ftmon.serving.service import TOKEN_VARIABLE

_SHORTEST_TOKEN = 16

_EPILOG = """\
Without FTMON_SERVE_TOKEN (at least 16 characters) it only reads, and listens on this machine
alone. From elsewhere: ssh -L 9000:127.0.0.1:8000 gpu-box, then
ftmon --base-url http://127.0.0.1:9000/v1. With a token, a client sends it as its API key, and
may cancel what ftmon run has started. TLS is yours to put before it."""


def run(arguments: Sequence[str]) -> int:
    """Serve until a signal comes, and return the exit status.

    Raises:
        UsageError: for a token, an address or a path that cannot be used.
    """
    options = parser().parse_args(arguments)
    host, port = options.listen
    token = os.environ.get(TOKEN_VARIABLE, "")
    if token and len(token) < _SHORTEST_TOKEN:
        raise UsageError(f"{TOKEN_VARIABLE} is too short: it has fewer than {_SHORTEST_TOKEN} characters.")
    is_local = _is_loopback(host)
    if not token and not is_local:
        raise UsageError(f"Beyond this machine a token is needed: set {TOKEN_VARIABLE}.")
    for word in options.paths:
        if not Path(word).expanduser().exists():
            raise UsageError(f"There is nothing at {word}.")
    return _serve(host, port, [Path(word).expanduser().absolute() for word in options.paths], token)


def parser() -> Parser:
    """Return the parser of this command's arguments."""
    parser = Parser(
        prog="ftmon serve",
        description="Publish the runs of ftmon run, and those of trainers in files and directories, as\n"
        "fine-tuning services do, until Ctrl-C.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("paths", metavar="PATH", nargs="*", help="a trainer's directory or log")
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        type=_address,
        default=("127.0.0.1", 8000),
        help="the address to listen on (default: 127.0.0.1:8000; port 0 is any free one)",
    )
    return parser


def _serve(host: str, port: int, paths: list[Path], token: str) -> int:
    import asyncio

    from ftmon.local.kept import KeptRuns
    from ftmon.local.place import Place
    from ftmon.paths import runs_directory
    from ftmon.serving.guard import Access
    from ftmon.serving.local_jobs import LocalJobs
    from ftmon.serving.server import listener_at, serve

    jobs = LocalJobs([KeptRuns(runs_directory()), *map(Place, paths)])
    # What takes longer is read while it is served.
    jobs.read(at_most=1.0)
    access = Access(token, is_read_only=not token, is_local=_is_loopback(host))
    with listener_at(host, port) as listener:
        name = f"[{host}]" if ":" in host else host

        def announce() -> None:
            write(f"http://{name}:{listener.getsockname()[1]}/v1\n".encode())
            count = len(jobs.sources)
            say(f"serving {count} run{'' if count == 1 else 's'}{'' if token else ', for reading only'}.")

        async def serve_and_follow() -> int:
            following = asyncio.create_task(jobs.follow())
            try:
                return await serve(listener, jobs.sources, announce, access=access)
            finally:
                following.cancel()

        return asyncio.run(serve_and_follow())


def _address(text: str) -> tuple[str, int]:
    """Convert `HOST:PORT`; a host alone has the usual port."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, "8000"
    if not port.isascii() or not port.isdigit() or int(port) > 65535 or not host:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address such as 127.0.0.1:8000")
    return host.strip("[]"), int(port)


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"
