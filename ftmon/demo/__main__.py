"""`python -m ftmon.demo SETUP`: the service in a process that `launch.running` starts.

SETUP is a `Setup` as JSON. The process prints its `Service` as JSON and ends when standard input is closed.
"""

import sys

from ftmon.demo.serve import serve
from ftmon.demo.setup import Setup
from ftmon.errors import FtmonError
from ftmon.serving.service import Service


def main(setup: str) -> int:
    """Serve, and return the exit status."""
    try:
        return serve(Setup.from_json(setup), _announce, parent=sys.stdin.fileno())
    except FtmonError as error:
        print(error, file=sys.stderr)
        return error.exit_status


def _announce(service: Service) -> None:
    print(service.to_json(), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
