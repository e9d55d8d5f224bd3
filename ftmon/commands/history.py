"""`ftmon history`: show a recorded run, list all of them, or remove old ones. No service is asked."""

import argparse
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from math import inf

from ftmon.commands.parser import Parser, add_recorded_service, add_tail, add_view_options, positive
from ftmon.commands.show import show
from ftmon.commands.view import Target, View, Watching
from ftmon.errors import UsageError

_AGE = re.compile(r"([0-9]{1,5})([hdwy])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "y": 365 * 24}


def run(arguments: Sequence[str]) -> int:
    """Show one run if a job is given; otherwise remove old runs, or list all."""
    options = parser().parse_args(arguments)
    job_id: str | None = options.job
    replay_speed: float | None = options.replay
    oldest: timedelta | None = options.prune
    view = View(options.json, options.plain, options.exit, options.timeout, options.tail)
    if job_id is None:
        if replay_speed is not None:
            raise UsageError("Which run shall be replayed? Give its id: ftmon history JOB --replay")
        if oldest is not None:
            from ftmon.commands.prune import prune

            return prune(oldest, ask=not options.yes)
        from ftmon.commands.listing import list_runs

        return list_runs(as_json=view.json)
    if replay_speed is not None and view.tail is not None:
        raise UsageError("--replay shows the past as it happened, and --tail only the end of it.")
    if oldest is not None:
        raise UsageError("--prune removes runs by their age and takes no JOB.")
    return show(
        view,
        Watching(replay_speed=inf if replay_speed is None else replay_speed),
        _opening(job_id, options.base_url),
        left="left the recorded run.",
    )


def parser() -> Parser:
    """Return the parser of this command's arguments."""
    parser = Parser(
        prog="ftmon history",
        description="Show a run that is recorded here, or without JOB list all runs. No service is asked.",
        allow_abbrev=False,
    )
    add_view_options(parser)
    add_tail(parser)
    parser.add_argument("job", metavar="JOB", nargs="?", help="show this run")
    add_recorded_service(parser)
    parser.add_argument(
        "--replay",
        metavar="N",
        nargs="?",
        type=positive,
        const=1.0,
        help="replay the run as fast as it happened, or N times as fast",
    )
    parser.add_argument(
        "--prune", metavar="AGE", type=_age, help="remove runs without news for AGE: 36h, 90d, 12w, 1y"
    )
    parser.add_argument("--yes", action="store_true", help="remove them without asking")
    return parser


@contextmanager
def _opening(job_id: str, base_url: str | None) -> Iterator[Target]:
    """Find the run in the history."""
    from ftmon.commands.recorded import recorded_run
    from ftmon.settings import Settings

    with recorded_run(job_id, base_url) as (_, run):
        key = run.key
    yield Target(Settings(key.service), key)


def _age(text: str) -> timedelta:
    if (match := _AGE.fullmatch(text)) and (hours := int(match[1]) * _HOURS[match[2]]) <= 1000 * _HOURS["y"]:
        return timedelta(hours=hours)
    raise argparse.ArgumentTypeError(f"{text!r} is not an age such as 36h, 90d, 12w or 1y, up to 1000y")
