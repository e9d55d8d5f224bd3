"""Runs the benchmarks and prints their results: `python -m tests.benchmarks [NAME …]`.

Run nothing else on the machine meanwhile.
"""

import os
import sys
import tempfile
from collections.abc import Callable

from tests.benchmarks import (
    backlog,
    chart,
    files,
    finding,
    idle,
    latency,
    memory,
    past,
    serving,
    start,
    stream,
    training,
)

BENCHMARKS: dict[str, Callable[[], None]] = {
    "stream": stream.run,
    "start": start.run,
    "backlog": backlog.run,
    "chart": chart.run,
    "idle": idle.run,
    "latency": latency.run,
    "past": past.run,
    "serve": serving.run,
    "watch": files.run,
    "training": training.run,
    "finding": finding.run,
    "memory": memory.run,
}


def main() -> None:
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.")
    with tempfile.TemporaryDirectory() as home:
        # Nothing is recorded in the user's own history.
        os.environ["XDG_DATA_HOME"] = home
        # An installed ftmon has its byte code. Without it, each start would compile all modules anew.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        for name in names:
            BENCHMARKS[name]()


if __name__ == "__main__":
    main()
