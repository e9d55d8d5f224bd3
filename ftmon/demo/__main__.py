"""`python -m ftmon.demo`: the service alone, in this process."""

import argparse
import sys

from ftmon.demo.launch import add_options, serve
from ftmon.errors import FtmonError


def main() -> int:
    """Serve, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ftmon.demo", description=__doc__, allow_abbrev=False)
    add_options(parser)
    parser.add_argument(
        "--end-with-stdin", action="store_true", help="end when standard input, a pipe, is closed"
    )
    options = parser.parse_args()
    try:
        return serve(options, parent=sys.stdin.fileno() if options.end_with_stdin else None)
    except FtmonError as error:
        print(error, file=sys.stderr)
        return error.exit_status


if __name__ == "__main__":
    sys.exit(main())
