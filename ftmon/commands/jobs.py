"""`ftmon jobs`: list the jobs of a service, the runs of this machine, and what is recorded here."""

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ftmon.commands.connection import connected, install_ending
from ftmon.commands.parser import Parser, add_no_history, add_timeout, whole
from ftmon.commands.service import ServiceOptions, add_service_options
from ftmon.errors import FtmonError, HistoryError
from ftmon.lines.output import say
from ftmon.model.job import Job, Status
from ftmon.model.job_list import JobList, ListedJob, kept_here
from ftmon.model.key import JobKey

if TYPE_CHECKING:
    from ftmon.settings import Settings

_LIMIT = 100

_DESCRIPTION = """\
List the jobs of the service, the runs of this machine, and what is recorded
here, the newest first. The status is the one in the service's list, which may be
older than the job's own (Amazon Bedrock); to watch a job reads that one.
"""

_EPILOG = """\
exit status:
  0 the jobs were listed     2 usage or configuration
  4 the service refused      5 it could not be reached
  For 4 and 5 the recorded jobs are listed all the same.
"""


def run(arguments: Sequence[str]) -> int:
    """Print the jobs, and return the exit status: that of the fault if the service cannot be asked."""
    options = parser().parse_args(arguments)
    limit: int = options.limit or _LIMIT
    statuses = frozenset(map(Status, options.status or Status))
    service = ServiceOptions.of(options)
    settings = service.settings()
    install_ending(options.timeout, "no answer came in time")
    for notice in settings.notices:
        say(notice)
    from ftmon.local.catalog import kept_jobs

    jobs = JobList()
    if not options.no_history:
        jobs.add(_recorded())
    jobs.add(kept_here(kept := kept_jobs()))
    fault, has_more = None, False
    if kept and service.is_lacking(settings):
        # Whoever trains here alone has no service.
        say("no service is asked: none is named, and there is no key for OpenAI's.")
    else:
        fault, has_more = _ask(settings, jobs, limit, lambda job: job.status in statuses)
    found = [listed for listed in jobs if listed.job.status in statuses]
    from ftmon.commands.job_table import show

    show(found[:limit], settings.base_url, as_json=options.json)
    if fault is not None:
        from ftmon.text import as_sentence

        say(as_sentence(f"The jobs of {settings.base_url} cannot be listed: {fault}"))
        return fault.exit_status
    if not found:
        say("there are no such jobs." if options.status else "there are no jobs.")
    elif not options.limit and (has_more or len(found) > limit):
        say(f"these are the newest {limit} jobs; --limit {10 * limit} lists more.")
    return 0


def _recorded() -> list[ListedJob]:
    """Return the jobs recorded here; none, and say why, if the history cannot be used."""
    from ftmon.commands.recorded import opened

    try:
        with opened() as history:
            runs = history.runs() if history else []
    except HistoryError as error:
        say(str(error))
        return []
    return [ListedJob(run.key, run.job, events=run.events, recorded_at=run.last_at) for run in runs]


def _ask(
    settings: "Settings", jobs: JobList, limit: int, is_wanted: Callable[[Job], bool]
) -> tuple[FtmonError | None, bool]:
    """Add the newest jobs of the service, so many of those wanted.

    Return why the service cannot be asked, or None, and whether it has more of them.
    """
    found: list[ListedJob] = []
    fault: FtmonError | None = None
    has_more = False
    try:
        with connected(settings) as watcher:

            def report(page: list[Job]) -> bool:
                for job in page:
                    key = JobKey(settings.base_url, job.id)
                    found.append(ListedJob(key, job, is_listed=True, skew=watcher.services.skew))
                return sum(is_wanted(listed.job) for listed in found) < limit

            has_more = watcher.list_jobs(report).result()
    except FtmonError as error:
        fault = error
    jobs.add(found)
    return fault, has_more


def parser() -> Parser:
    """Return the parser of this command's arguments."""
    parser = Parser(
        prog="ftmon jobs",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="print JSON Lines: one per job")
    parser.add_argument(
        "--limit", metavar="N", type=whole(1), help=f"list at most so many jobs (default {_LIMIT})"
    )
    parser.add_argument(
        "--status",
        metavar="STATUS",
        nargs="+",
        action="extend",
        choices=[status.value for status in Status],
        help=f"list only jobs of these: {', '.join(Status)}",
    )
    add_service_options(parser)
    add_no_history(parser)
    add_timeout(parser, "stop asking after this time, with exit status 124")
    return parser
