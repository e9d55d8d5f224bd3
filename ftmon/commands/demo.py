"""`ftmon demo`: train a tiny model on this machine, serve the run and watch it."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ftmon.commands.parser import Parser, add_no_history, add_notify, add_view_options, positive
from ftmon.commands.show import import_screen, show
from ftmon.commands.view import Target, View, Watching
from ftmon.demo.setup import Course, Setup
from ftmon.lines.output import write
from ftmon.serving.apis import APIS
from ftmon.serving.service import Service


def run(arguments: Sequence[str]) -> int:
    """Run the demo, or with `--serve` only its service."""
    options = parser().parse_args(arguments)
    setup = Setup(
        Course(options.steps, options.epochs, options.speed, diverges=options.fail),
        cut_after=options.cut_after,
        port=options.port,
        api=options.api,
    )
    if options.serve:
        from ftmon.demo.serve import serve

        return serve(setup, _announce)
    view = View(options.json, options.plain, options.exit, options.timeout, notify=options.notify)
    return show(
        view,
        # It asks for no network unless that is wanted.
        Watching(record=not options.no_history, tells_others=options.notify is True),
        _opening(setup, view),
        left="left; the demo's training has ended with it.",
    )


def parser() -> Parser:
    """Return the parser of this command's arguments."""
    default = Setup()
    parser = Parser(
        prog="ftmon demo",
        description="Train a tiny language model on this machine, serve its events as fine-tuning services "
        "do, and watch it. Needs no key and no network.",
        allow_abbrev=False,
    )
    add_view_options(parser)
    add_notify(parser)
    parser.add_argument(
        "--serve",
        action="store_true",
        help="only serve: print base_url and job_id as a line of JSON, then serve until Ctrl-C",
    )
    parser.add_argument(
        "--api",
        choices=list(APIS),
        default=default.api,
        metavar="NAME",
        help="watch the job over this API, or print its base_url and job_id: "
        f"{', '.join(APIS)} (default: %(default)s). Each demo serves all of them",
    )
    add_no_history(parser)
    parser.add_argument(
        "--steps",
        type=_count,
        default=default.course.steps,
        metavar="N",
        help="train for N steps, about four a second (default: %(default)s)",
    )
    parser.add_argument(
        "--epochs",
        type=_count,
        default=default.course.epochs,
        metavar="N",
        help="pass over the text N times in these steps (default: %(default)s)",
    )
    parser.add_argument(
        "--speed",
        type=positive,
        default=default.course.speed,
        metavar="N",
        help="run N times as fast, 0.5 for half as fast (default: 1)",
    )
    parser.add_argument("--fail", action="store_true", help="let the training diverge midway: the job fails")
    parser.add_argument(
        "--cut-after",
        type=_count,
        default=default.cut_after,
        metavar="N",
        help="cut each stream after N new events, as the real service often did",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=default.port,
        metavar="N",
        help="the port to listen on, 0 for any free one (default: %(default)s)",
    )
    return parser


@contextmanager
def _opening(setup: Setup, view: View) -> Iterator[Target]:
    """Run the demo's service while the block runs."""
    from ftmon.model.key import JobKey
    from ftmon.serving.launch import running
    from ftmon.settings import Settings, check_base_url

    import_screen(view)
    with running("ftmon.demo", setup.to_json()) as service:
        # Normalised, so that the history knows the job by the address that a user would give.
        base_url = check_base_url(service.base_url)
        yield Target(Settings(base_url), JobKey(base_url, service.job_id))


def _announce(service: Service) -> None:
    write(f"{service.to_json()}\n".encode())


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, 0 to 65535")
    return int(text)
