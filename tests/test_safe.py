import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftmon.safe import one_line, redact, safe

CONTROLS = "\x1b\x9b\x9d\x90\x9c\x07\x00\x7f\x85\r\n\t\u200b\u202e\u2069\u2028\ufeff\ud800\udc00"
PARTS = "[]P^_Xk\\?;0123mhJ( a~é訓😀\u200d"
hostile = st.text(st.sampled_from(CONTROLS + PARTS) | st.characters(), max_size=60)
thorough = settings(max_examples=500)


@pytest.mark.parametrize(
    "sequence",
    [
        pytest.param("\x1b[31m", id="colour"),
        pytest.param("\x1b[38;2;1;2;3m", id="true colour"),
        pytest.param("\x1b[2J\x1b[H", id="erase the screen"),
        pytest.param("\x1b[?1049h", id="alternate screen"),
        pytest.param("\x1b[6n", id="query that the terminal answers"),
        pytest.param("\x1b[2 q", id="cursor shape"),
        pytest.param("\x9b31m", id="C1 CSI"),
        pytest.param("\x1b]0;title\x07", id="title ended by BEL"),
        pytest.param("\x1b]0;title\x1b\\", id="title ended by ST"),
        pytest.param("\x1b]52;c;cm0gLXJm\x07", id="clipboard"),
        pytest.param("\x1b]8;;http://127.0.0.1/\x1b\\", id="link"),
        pytest.param("\x9d52;c;cm0gLXJm\x9c", id="C1 OSC"),
        pytest.param("\x1bP$q q\x1b\\", id="DCS"),
        pytest.param("\x90$q q\x9c", id="C1 DCS"),
        pytest.param("\x1bXhidden\x1b\\", id="SOS"),
        pytest.param("\x98hidden\x9c", id="C1 SOS"),
        pytest.param("\x1b^hidden\x1b\\", id="PM"),
        pytest.param("\x9ehidden\x9c", id="C1 PM"),
        pytest.param("\x1b_Ga=T\x1b\\", id="APC"),
        pytest.param("\x9fGa=T\x9c", id="C1 APC"),
        pytest.param("\x1bkpane\x1b\\", id="name of a tmux pane"),
        pytest.param("\x1bc", id="reset"),
        pytest.param("\x1b(0", id="line-drawing characters"),
        pytest.param("\x1b#8", id="screen of E"),
        pytest.param("\x1b=", id="keypad"),
        pytest.param("\x1b\\", id="ST alone"),
    ],
)
def test_a_whole_control_sequence_leaves_no_trace(sequence: str) -> None:
    assert safe(f"loss {sequence}0.5") == "loss 0.5"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("\x1b", "�", id="ESC alone"),
        pytest.param("\x1b\x1b[31m", "�", id="ESC before a sequence"),
        pytest.param("\x1b\x1b[31m[31m", "�[31m", id="a sequence that taking another out leaves"),
        pytest.param("\x1b[31", "�[31", id="CSI without an end"),
        pytest.param("\x1b[31é", "�[31é", id="CSI with an impossible end"),
        pytest.param("\x1b]52;c;AAAA", "�]52;c;AAAA", id="OSC without an end"),
        pytest.param("\x1b]0;x\nError: y\x07", "�]0;x\nError: y�", id="OSC over a line end"),
        pytest.param("\x1bkpane", "�kpane", id="pane name without an end"),
        pytest.param("\x9b\x9d\x90", "���", id="C1 introducers"),
        pytest.param("a\x00\x07\x08\x0b\x0c\x7fb", "a������b", id="C0 and DEL"),
        pytest.param("a\x80\x85\x9fb", "a���b", id="C1"),
        pytest.param("\u202etxt.exe\u202c", "�txt.exe�", id="bidirectional override"),
        pytest.param("\u2066a\u2069", "�a�", id="bidirectional isolate"),
        pytest.param("a\ud800b\udfffc", "a�b�c", id="lone surrogates"),
        pytest.param("a\ufffeb\uffff", "a�b�", id="noncharacters that XML refuses"),
    ],
)
def test_what_is_left_of_a_control_is_shown(text: str, expected: str) -> None:
    assert safe(text) == expected


@pytest.mark.parametrize(
    "character",
    [chr(code) for code in (0xAD, 0x61C, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, 0xFFF9, 0xE0041)],
    ids=ascii,
)
def test_an_invisible_character_is_taken_out(character: str) -> None:
    assert safe(f"fai{character * 2}led") == "failed"


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\u2028", "\u2029"], ids=ascii)
def test_every_line_end_becomes_a_newline(line_end: str) -> None:
    assert safe(f"10%{line_end}20%{line_end}{line_end}") == "10%\n20%\n\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Step 120/200: training loss=0.48",
        "[/x] [b]markup[/b]",
        "one\n\ttwo\n",
        "no\u00a0break",
        "Übung 訓練 обучение",
        "👩\u200d💻 ❤\ufe0f 👍🏽 🇩🇪",
        "می\u200cخواهم",
        "क्\u200dष",
        "was lost: �",
    ],
)
def test_harmless_text_comes_back_as_it_is(text: str) -> None:
    assert safe(text) is text


def test_every_printable_character_is_harmless_also_beside_one_that_is_not() -> None:
    printable = "".join(filter(str.isprintable, map(chr, range(sys.maxunicode + 1))))
    assert safe(f"\x07{printable}") == f"�{printable}"


@given(hostile)
@thorough
def test_safe_text_has_no_control_and_is_valid_unicode(text: str) -> None:
    result = safe(text)
    assert not re.search(
        r"[^\n\t -~\xa0-\U0010ffff]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\u200b\ufeff]", result
    )
    result.encode()


@given(hostile)
@thorough
def test_making_safe_twice_changes_nothing(text: str) -> None:
    assert safe(safe(text)) == safe(text)


@given(hostile)
@thorough
def test_a_list_line_is_one_line(text: str) -> None:
    assert len(one_line(safe(text)).splitlines()) <= 1


@given(
    st.text(st.sampled_from("ab\x1b\x9b\x9d\x07[];0m"), max_size=12),
    st.text(st.sampled_from("cé \n"), max_size=12),
)
@thorough
def test_no_sequence_hides_what_stands_on_the_next_line(first: str, second: str) -> None:
    assert safe(f"{first}\n{second}").endswith(f"\n{second}")


def test_one_line_shows_line_ends_and_tabs() -> None:
    assert one_line("Traceback:\n\tFile\n") == "Traceback:↵ File↵"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Incorrect API key provided: sk-wrong****-key. You can",
            "Incorrect API key provided: [key]. You can",
        ),
        ("sk-proj-Abc_123-xyz", "[key]"),
        ('{"key":"sk-abcdef"}', '{"key":"[key]"}'),
        ("Authorization: Bearer abc.def/ghi+jkl==", "Authorization: [key]"),
        ("Bearer  abc\nnext", "[key]\nnext"),
        ("Bearer sk-abcdef sk-ghijkl", "[key] [key]"),
        ("key=hunter2-hunter2&x", "key=[key]&x"),
    ],
)
def test_a_key_is_not_shown(text: str, expected: str) -> None:
    assert redact(text, ["", "hunter2-hunter2"]) == expected


@pytest.mark.parametrize(
    "text", ["", "sk-12345", "task-scheduler", "ft:risk-classifier:abc", "Bearer", "the bearer of"]
)
def test_words_like_a_key_stay(text: str) -> None:
    assert redact(text) == text


def test_of_two_secrets_the_longer_one_goes_first() -> None:
    assert redact("hunter2hunter2", iter(["hunter2", "hunter2hunter2"])) == "[key]"


@given(st.text("ab-k s*", max_size=30), st.lists(st.text("ab-*", min_size=2, max_size=6), max_size=3))
@thorough
def test_no_secret_is_left(text: str, secrets: list[str]) -> None:
    assert not any(secret in redact(text, secrets) for secret in secrets)
