"""A question on the terminal that wants a yes."""

import sys

from ftmon.errors import UsageError


def agrees(question: str, *, without: str) -> bool:
    """Ask on the terminal, and return whether the answer is yes. `without` says how to do without asking.

    Raises:
        UsageError: when stdin is no terminal, so there is nobody to ask.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"{question} There is nobody to ask; {without}.")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        sys.stderr.write("\n")
    return answer.strip().lower() in ("y", "yes")
