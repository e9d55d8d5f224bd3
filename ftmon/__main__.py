"""`python -m ftmon` and the `ftmon` command."""

import os
import sys
import warnings
from contextlib import suppress


def main() -> None:
    """Run the command line and end with its exit status."""
    # As of a connection that was begun when the end came: of use to those only who ask with -W.
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    try:
        # Imported here, so that Ctrl-C is quiet from the beginning.
        from ftmon import cli

        status = cli.main(sys.argv[1:])
    except KeyboardInterrupt:
        status = 130
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else 0
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    # A look-up of a name may hang in a thread that Python would wait for.
    os._exit(status)


if __name__ == "__main__":
    main()
