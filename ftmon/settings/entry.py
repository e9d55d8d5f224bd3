"""One entry of the config file: what it may be. A check returns its value, or raises a ValueError.

No error repeats the value, which may be a key that was put there by mistake.
"""

from collections.abc import Mapping

_LIKE_A_KEY = ("key", "token", "secret", "password")
"""How the names end that people give to a key."""


class EntryError(Exception):
    """An entry of the config file that cannot be used. Its message says why, without the entry's value."""

    def __init__(self, entry: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.entry = entry
        """The names of the tables that it stands in, and its own."""


def text(value: object) -> str:
    """Return a text of one line, without the blanks around it."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("must be a text in quotes, on one line.")
    return value.strip()


def flag(value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false.")
    return value


def command(value: object) -> tuple[str, ...]:
    """Return the words of a command."""
    words = value if isinstance(value, list) else []
    if not words or not words[0] or not all(isinstance(word, str) and "\0" not in word for word in words):
        raise ValueError('must be a list of words, such as ["pass", "show", "ftmon"]; no shell runs it.')
    return tuple(words)


def check_no_key(table: Mapping[str, object], place: tuple[str, ...] = ()) -> None:
    """Raise an EntryError for a table with a key in it."""
    for entry in table:
        if entry.lower().endswith(_LIKE_A_KEY):
            raise EntryError(
                (*place, entry),
                f"{entry} would keep a key in this file. Name where it is instead: api_key_env, api_key_file "
                "or api_key_command.",
            )
