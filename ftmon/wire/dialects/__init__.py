"""The APIs that ftmon speaks, each a `Dialect` in a module of its own."""

from ftmon.errors import UsageError
from ftmon.wire.dialects.dialect import Dialect
from ftmon.wire.dialects.fine_tunes import FINE_TUNES
from ftmon.wire.dialects.fine_tuning_jobs import FINE_TUNING_JOBS

DIALECTS = (FINE_TUNES, FINE_TUNING_JOBS)
"""All of them, in the order in which they are tried."""

_PROVIDERS = {"auto": DIALECTS, "openai": (FINE_TUNING_JOBS,)} | {each.name: (each,) for each in DIALECTS}
"""The names that `--provider` takes, and the dialects to try for each."""

PROVIDERS = tuple(_PROVIDERS)

_BY_NAME = {dialect.name: dialect for dialect in DIALECTS}


def candidates(provider: str) -> tuple[Dialect, ...]:
    """Return the dialects that a provider may speak, in the order in which to try them.

    Raises:
        UsageError: for a provider that ftmon does not know.
    """
    if provider not in _PROVIDERS:
        raise UsageError(f"--provider {provider} is not known; it is one of {', '.join(PROVIDERS)}.")
    return _PROVIDERS[provider]


def named(name: str) -> Dialect:
    """Return the dialect of this name, as stored in the history; the first one where the name is unknown."""
    return _BY_NAME.get(name, FINE_TUNES)
