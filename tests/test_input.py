from collections.abc import Iterator

import pytest

from tests.command import FTMON
from tests.service import JOB_ID, Service
from tests.terminal import Terminal, terminal

pytestmark = pytest.mark.slow

STRANGE = {
    "bytes of no character": [b"\xff", "é".encode("latin-1"), b"\xc0\xaf", b"\xed\xa0\xbd"],
    "half an emoji": ["😀".encode()[:2]],
    "codes of no character": [b"\x1b[1114112u", b"\x1b[99999999999999999999u", b"\x1b[55357u"],
    "texts of no character": [b"\x1b[97;;1114112u", b"\x1b[97;;55357u"],
    "keys with more": [b"\x1b[97:65u", b"\x1b[97;1:3u"],
    "sizes": [b"\x1b[48;0;0;0;0t", b"\x1b[48;9999999;9999999;1;1t", b"\x1b[48;30;100;0;0t\x1b[<35;5;5M"],
    "a mouse outside": [b"\x1b[<35;99999;99999M\x1b[<0;0;-5M"],
}


@pytest.fixture
def service() -> Iterator[Service]:
    with Service().running() as service:
        service.tell("Fine-tune started")
        yield service


def check_that_it_goes_on(shown: Terminal, service: Service) -> None:
    shown.press("?")
    shown.until_shown("esc closes")
    shown.press("\x1b[27u")
    service.tell("and on it goes")
    service.end("failed")
    shown.until_shown("and on it goes")
    shown.until_shown("✘ failed")
    shown.press("q")
    assert shown.wait() == 1
    shown.assert_restored()
    assert "Traceback" not in shown.text


@pytest.mark.parametrize("kind", STRANGE)
def test_the_screen_goes_on_whatever_is_typed_or_pasted(service: Service, kind: str) -> None:
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until_shown("Fine-tune started")
        shown.until_shown("q quit")
        for data in STRANGE[kind]:
            shown.type(data)
            for strange in (data, b"\x1b[200~ft-" + data + b"x\x1b[201~"):
                shown.press("o")
                shown.until_shown("Watch a job")
                shown.type(strange)
                shown.press("yz")
                shown.until_shown("yz")
                shown.press("\x1b[27u")
                shown.until(lambda: "Watch a job" not in shown.text)
        check_that_it_goes_on(shown, service)


def test_keys_that_come_in_one_burst_go_to_the_dialog_that_the_first_of_them_opens(service: Service) -> None:
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until_shown("q quit")
        # All letters of the id are keys of the screen: x cancels the job, y copies, q quits.
        shown.press("oxyq-icy\r?")
        shown.until_shown("esc closes")
        shown.press("\x1b[27u")
        shown.until(lambda: "esc closes" not in shown.text)
        assert "xyq-icy" in shown.text.splitlines()[0]
        shown.press("q")
        shown.wait()
    assert not [target for target, _ in service.asked if target.endswith("/cancel")]


def test_what_is_no_text_is_typed_as_a_replacement_and_a_character_cut_in_two_is_whole(
    service: Service,
) -> None:
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until_shown("q quit")
        shown.press("o")
        shown.until_shown("Watch a job")
        for byte in b"a\xffb" + "é".encode():
            shown.type(bytes([byte]))
        shown.until_shown("a\N{REPLACEMENT CHARACTER}bé")


def test_what_is_pasted_controls_no_terminal(service: Service) -> None:
    with terminal([*FTMON, JOB_ID, *service.options]) as shown:
        shown.until_shown("q quit")
        shown.press("o")
        shown.until_shown("Watch a job")
        shown.type(b"\x1b[200~ft-" + "\x9b31m\x9d0;owned\x9c\u202e\u200bxyz".encode() + b"\x1b[201~")
        shown.until_shown("ft-\N{REPLACEMENT CHARACTER}xyz")
        for hostile in ("owned", "\x9b", "\x9d", "\u202e"):
            assert hostile.encode() not in shown.written
