"""Fields that give access to whoever reads them: keys of other services, signed addresses."""

import re

HIDDEN = "[hidden]"

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_LAST_WORDS = frozenset(
    {"auth", "authorization", "cookie", "credential", "credentials", "passwd", "password"}
    | {"secret", "secrets", "sig", "signature", "token"}
)
_ADDRESS = re.compile(r"""([a-zA-Z][a-zA-Z0-9+.-]{1,20}://)([^\s"'<>]+)""")


def is_secret(name: str) -> bool:
    """Whether a field is secret by its name: `wandb_api_key`, `metricsFileSignedUrl`; not `num_tokens`."""
    words = [word.lower() for word in _WORDS.findall(name[:200])]
    if not words:
        return False
    is_key = words[-1] in ("key", "apikey") and (len(words) > 1 or words[-1] == "apikey")
    return is_key or words[-1] in _LAST_WORDS or "signed" in words


def without_access(text: str) -> str:
    """Return a text whose addresses have no query and no password, which may give access."""
    return _ADDRESS.sub(_bare, text) if "://" in text else text


def _bare(address: re.Match[str]) -> str:
    place, question, _ = address[2].partition("?")
    host, slash, path = place.partition("/")
    return f"{address[1]}{host.rpartition('@')[2]}{slash}{path}{question and '?…'}"
