"""One entry of the config file: what it may be. A check returns its value, or raises a ValueError.

No error repeats the value, which may be a key that was put there by mistake.
"""


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
