"""`python -m ftmon` and the `ftmon` command."""

import os
import sys
import warnings
from contextlib import suppress


def main() -> None:
    """Run the command line and end the process with its exit status."""
    # Hide ResourceWarnings for connections cut at exit, unless -W is given.
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    try:
        # Imported inside the try, so that Ctrl-C during the import prints no traceback.
        from ftmon import cli

        status = cli.main(sys.argv[1:])
    except KeyboardInterrupt:
        status = 130
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else 0
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    # Not sys.exit, which waits for threads: a DNS lookup may hang in one.
    os._exit(status)


if __name__ == "__main__":
    main()
