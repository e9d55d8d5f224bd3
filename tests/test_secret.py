import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftmon.safe import redact
from ftmon.secret import forms, is_placeholder
from ftmon.wire.echo import json_without

KEY = 'secret/0123+456"789~abc?def>'
"""Has characters that each encoding writes in its own way."""


def packed(encode: Callable[[bytes], bytes], text: str) -> str:
    return encode(text.encode()).decode()


def around(before: str, after: str) -> Callable[[str], str]:
    """Return what writes a key in base64 between two texts."""
    return lambda key: packed(b64encode, before + key + after)


def in_lines(text: str, end: str) -> str:
    return end.join(text[at : at + 8] for at in range(0, len(text), 8))


ECHOES: Mapping[str, Callable[[str], str]] = {
    "itself": str,
    "percent-encoded": lambda key: quote(key, safe=""),
    "percent-encoded in small letters": lambda key: re.sub(
        "%..", lambda code: code[0].lower(), quote(key, safe="")
    ),
    "percent-encoded but for slashes": quote,
    "as JSON writes it": lambda key: json.dumps(key)[1:-1],
    "as PHP writes JSON": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "in hexadecimal digits": lambda key: key.encode().hex(),
    "in great hexadecimal digits": lambda key: key.encode().hex().upper(),
    "base64": lambda key: packed(b64encode, key),
    "base64 without padding": lambda key: packed(b64encode, key).rstrip("="),
    "base64 for addresses": lambda key: packed(urlsafe_b64encode, key),
    "base64 in lines": lambda key: in_lines(packed(b64encode, f"user:{key}"), "\n"),
    "base64 in lines of a header": lambda key: in_lines(packed(b64encode, f"us:{key}"), "\r\n "),
    "Basic, no user": lambda key: f"Basic {packed(b64encode, f':{key}')}",
    "Basic, no password": lambda key: f"Basic {packed(b64encode, f'{key}:')}",
    **{
        f"base64 of {before}{after or ''} around it": around(before, after)
        for before in ("a", "ab", "abc", "user:")
        for after in ("", "z", "yz", "xyz")
    },
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
@pytest.mark.parametrize("more", ["", "g", "gh"], ids=len)
def test_a_key_is_taken_out_in_every_form_of_an_echo(echo: Callable[[str], str], more: str) -> None:
    key = KEY + more
    said = f"You sent {echo(key)}!"
    told = redact(said, forms(key))
    assert "[key]" in told
    # Of the first and the last byte, less than a byte may be left.
    assert len(told) <= len("You sent Basic !") + len("[key]") + len(packed(b64encode, "user:")) + 6
    recorded = json.loads(json_without(json.dumps({"message": said}), forms(key)))["message"]
    assert "[key]" in recorded
    assert len(recorded) <= len(told)


@pytest.mark.parametrize(
    "key",
    [
        *("lm-studio", "none", "training", "95000000", "EMPTY", "not-needed", "your-api-key-here"),
        *("sk-no-key-required", "LM_STUDIO", "Bearer", "dummy", "0", "1234567890", "My-Key", "key", "a1b2"),
    ],
)
def test_a_word_or_a_number_is_a_placeholder(key: str) -> None:
    assert is_placeholder(key)
    assert forms(key) == ()


@pytest.mark.parametrize(
    "key",
    [
        *("hunter2-hunter2", "secret-0123456789abcdef", "qwjkrhtzmnbvcxas", "tR9xKqLmPz", "aBcDeFgHiJ"),
        *("1234567890123456", "correct-horse-battery-staple", "deadbeef01", "p4ssw0rd", "00000000-11aa-22bb"),
    ],
)
def test_anything_else_is_a_secret(key: str) -> None:
    assert not is_placeholder(key)
    assert key in forms(key)


@pytest.mark.parametrize("key", ["9500000012345678", "true-9f8e7d6c5b", '":{"a1b2c3d4e5'])
def test_a_key_is_looked_for_in_strings_only(key: str) -> None:
    text = '{"n": 9500000012345678, "x": [1.50, -9500000012345678e2], "m": ' + json.dumps(f"key {key}") + "}"
    told = json_without(text, forms(key))
    assert json.loads(told)["m"] == "key [key]"
    assert told.startswith('{"n": 9500000012345678, "x": [1.50, -9500000012345678e2], "m": ')


def test_what_holds_no_key_stays_as_it_is() -> None:
    for text in ('{"a": "b"}', '{"a": "é\\u0041\\n"}', "{", '"', '"\\', '{"a": 1e400, "b": 1.00}'):
        assert json_without(text, forms(KEY)) == text


@given(st.text('"\\u0{}[]:,éa-', max_size=40))
def test_a_text_of_any_kind_is_borne(text: str) -> None:
    assert json_without(text, forms(KEY)) == text


@given(st.text(max_size=9), st.text(max_size=9))
def test_a_string_that_json_escapes_whole_hides_no_key(before: str, after: str) -> None:
    escaped = "".join(f"\\u{ord(character):04x}" for character in KEY)
    text = f'{{"{escaped}": [{json.dumps(before)}, "{escaped}", {json.dumps(after)}]}}'
    assert json.loads(json_without(text, forms(KEY))) == {"[key]": [before, "[key]", after]}
