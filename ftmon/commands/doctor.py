"""`ftmon doctor`: check everything that watching a job needs, and say what to do where something is wrong."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from ftmon.commands.columns import wrapped
from ftmon.commands.crash import crashed
from ftmon.commands.parser import Parser
from ftmon.commands.service import ServiceOptions, add_service_options
from ftmon.errors import UsageError
from ftmon.lines.output import encoded, write
from ftmon.model.key import typed_job_id

if TYPE_CHECKING:
    from ftmon.checks.check import Check

_NAME_WIDTH = 9


def run(arguments: Sequence[str]) -> int:
    """Print each check as soon as it is done. Return 1 if something is wrong, otherwise 0.

    Nothing is recorded, and no file is changed.
    """
    options = parser().parse_args(arguments)
    job_id = None if options.job is None else typed_job_id(options.job)
    return asyncio.run(_run(ServiceOptions.of(options), job_id, as_json=options.json))


def parser() -> Parser:
    """Return the parser of this command's arguments."""
    parser = Parser(
        prog="ftmon doctor",
        description="Check address, key, proxy, name, certificate, API, events, clock, terminal, notify and "
        "history. The service is asked for the job, or without JOB for its list of jobs. Nothing is changed.",
        epilog="exit status: 0 nothing is wrong, 1 something is (✘), 2 a mistake in the command line",
        allow_abbrev=False,
    )
    parser.add_argument("job", metavar="JOB", nargs="?", help="ask for this job, and try its stream")
    parser.add_argument("--json", action="store_true", help="print JSON Lines: one object per check")
    add_service_options(parser)
    return parser


async def _run(options: ServiceOptions, job_id: str | None, *, as_json: bool) -> int:
    from ftmon.checks.check import Mark

    marks = set()
    async with aclosing(_checks(options, job_id)) as checks:
        async for check in checks:
            marks.add(check.mark)
            write(_json_line(check) if as_json else _text_line(check))
    return 1 if Mark.BAD in marks else 0


async def _checks(options: ServiceOptions, job_id: str | None) -> "AsyncGenerator[Check, None]":
    from ftmon.checks import facts, machine
    from ftmon.checks.check import bad, doubt
    from ftmon.checks.network import service_checks
    from ftmon.notify.check import notification

    settings = None
    try:
        choice = options.choice()
    except UsageError as error:
        yield bad("service", str(error))
    else:
        yield machine.config(choice)
        yield facts.service(choice.settings.base_url, choice.base_url_source)
        for notice in choice.settings.notices:
            yield doubt("notice", notice)
        try:
            settings = choice.with_key()
        except UsageError as error:
            yield bad("key", str(error))
    history, remembered = machine.history(settings.base_url if settings else "")
    if settings is not None:
        sys.excepthook = partial(crashed, secrets=settings.secrets)
        yield facts.key(settings)
        async with aclosing(service_checks(settings, job_id, remembered)) as checks:
            async for check in checks:
                yield check
    yield machine.terminal()
    yield notification()
    yield history


def _text_line(check: "Check") -> bytes:
    from ftmon.checks.check import SIGNS
    from ftmon.safe import one_line, redact, safe

    advice = f" → {check.advice}" if check.advice else ""
    line = f"{SIGNS[check.mark]} {check.name:<{_NAME_WIDTH}} {check.text}{advice}"
    return encoded(f"{wrapped(redact(one_line(safe(line))), _NAME_WIDTH + 3)}\n")


def _json_line(check: "Check") -> bytes:
    from ftmon import json_text
    from ftmon.safe import redact, safe

    fields = {
        "object": "check",
        "name": check.name.lower(),
        "state": check.mark.value,
        "text": redact(safe(check.text)),
        "advice": check.advice or None,
    }
    return json_text.encode_lines([fields])
