"""Web pages about a job, as the service tells them."""

import re
from typing import NamedTuple

_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!#-&(-;=?-\[\]_a-z~]*)?")
"""Only https, no user, and nothing but printable ASCII: it becomes a part of what the terminal is sent."""

_LONGEST = 2000
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


class Link(NamedTuple):
    """A web page, and what it is called."""

    name: str
    url: str


def links(**addresses: object) -> tuple[Link, ...]:
    """Return those of the addresses that are harmless, each with its name."""
    return tuple(
        Link(_TITLES[name], address)
        for name, address in addresses.items()
        if isinstance(address, str) and len(address) <= _LONGEST and _ADDRESS.fullmatch(address)
    )


_TITLES = {"page": "web page", "wandb": "W&B"}


def wandb_project(entity: object, project: object) -> str:
    """Return the page of a project at Weights & Biases; an empty text where it is not told."""
    parts = [part for part in (entity, project) if isinstance(part, str) and _NAME.fullmatch(part)]
    return f"https://wandb.ai/{'/'.join(parts)}" if len(parts) == 2 else ""
