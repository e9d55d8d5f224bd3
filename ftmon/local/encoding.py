"""Decodes the text of trainers, whose encoding nothing tells."""

import codecs

_LEAST = 2
"""Bytes that are needed at least to tell which encoding it is: one character of UTF-16."""


class TextDecoder:
    """Decodes one file from its beginning, however its bytes are cut.

    UTF-16 is found by its byte order mark, as PowerShell's `>` writes it, or by its NULs. Everything else is
    UTF-8, and what is no UTF-8 in it Windows-1252: so each byte of a file of other programs is shown somehow.
    """

    def __init__(self) -> None:
        self._head = b""
        self._decoder: codecs.IncrementalDecoder | None = None

    def feed(self, data: bytes) -> str:
        """Return the characters that are complete now, without a byte order mark."""
        if self._decoder is None:
            self._head += data
            if len(self._head) < _LEAST:
                return ""
            data, self._head = self._head, b""
            self._decoder = _decoder(data)
        return self._decoder.decode(data)


def decoded(data: bytes) -> str:
    """Return the text of a file that begins with these bytes, as far as they tell it."""
    return TextDecoder().feed(data)


def _decoder(head: bytes) -> codecs.IncrementalDecoder:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return codecs.getincrementaldecoder("utf-16")("replace")
    first, second = head[::2].count(0), head[1::2].count(0)
    if _are_high_bytes(second, first, len(head)):
        return codecs.getincrementaldecoder("utf-16-le")("replace")
    if _are_high_bytes(first, second, len(head)):
        return codecs.getincrementaldecoder("utf-16-be")("replace")
    return codecs.getincrementaldecoder("utf-8-sig")("windows-1252")


def _are_high_bytes(nulls: int, others: int, size: int) -> bool:
    """Whether so many NULs at each second place, and so many between them, are those of UTF-16.

    Numbers, blanks and names of figures are ASCII in a text of any language. Zeros that a file begins with,
    because it was emptied under its writer, stand at all places.
    """
    return 8 * nulls >= size and 16 * others <= nulls


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("windows-1252", "replace"), error.end


codecs.register_error("windows-1252", _as_windows_1252)
