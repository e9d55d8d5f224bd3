"""Where a service of ftmon's own is: the value that comes from its process as JSON."""

import json
from dataclasses import asdict, dataclass

TOKEN_VARIABLE = "FTMON_SERVE_TOKEN"
"""Holds the key of a service, because everyone on this machine can read a command line."""

LISTENER_VARIABLE = "FTMON_SERVE_LISTENER"
"""Holds the number of the open socket that a service listens at, where its parent made that."""


@dataclass(frozen=True, slots=True)
class Service:
    """Where a service is, and the id of its job."""

    base_url: str
    job_id: str

    def to_json(self) -> str:
        """Return the service as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Service":
        """Return the service that `to_json` has written."""
        return cls(**json.loads(text))
