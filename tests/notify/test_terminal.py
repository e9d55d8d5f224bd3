import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftmon.notify.terminal import Terminal, line, terminal
from ftmon.notify.title_sequence import has_title, shown
from ftmon.notify.tmux import Tmux, ask_tmux

SEQUENCES = {
    "osc9": r"\x1b\]9;ftmon: LINE LINE\x07",
    "osc777": r"\x1b\]777;notify;LINE;LINE\x07",
    "osc99": r"\x1b\]99;i=ftmon:d=0;LINE\x1b\\\x1b\]99;i=ftmon:d=1:p=body;LINE\x1b\\",
    "": "",
}


@pytest.mark.parametrize(
    ("environ", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "osc99"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "osc99"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "osc9"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "osc9"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "osc777"),
        ({"TERM": "xterm-ghostty"}, "osc777"),
        ({"TERM": "foot"}, "osc777"),
        ({"TERM": "rxvt-unicode-256color"}, "osc777"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "osc777"),
        ({"TERM": "xterm-256color"}, ""),
        ({"TERM": "linux"}, ""),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, ""),
        ({"TERM": "screen", "STY": "1.pts", "LC_TERMINAL": "iTerm2"}, ""),
        ({}, ""),
    ],
)
def test_a_terminal_is_told_in_the_way_that_it_takes(environ: dict[str, str], protocol: str) -> None:
    found = terminal(environ, None)
    assert found.protocol == protocol
    assert bool(found.problem) is not bool(protocol)


def test_the_user_may_choose_the_way() -> None:
    assert terminal({"TERM": "xterm"}, None, "osc777").protocol == "osc777"
    assert terminal({"TERM": "xterm-kitty"}, None, "bell").protocol == ""
    assert terminal({}, Tmux("xterm", passes_on=True), "osc9") == Terminal("osc9", is_tmux=True)
    assert terminal({}, Tmux("xterm", passes_on=False), "osc9").protocol == ""


def test_through_tmux_goes_what_the_terminal_takes_that_shows_it() -> None:
    # What the environment says is that of the terminal in which tmux was started.
    environ = {"TERM": "tmux-256color", "TMUX": "x", "KITTY_WINDOW_ID": "1"}
    assert terminal(environ, Tmux("xterm-256color iTerm2 3.5", passes_on=True)).protocol == "osc9"
    assert terminal(environ, Tmux("xterm-256color", passes_on=True)).protocol == ""
    refused = terminal(environ, Tmux("xterm-kitty", passes_on=False))
    assert refused.protocol == ""
    assert "allow-passthrough" in refused.advice


@pytest.mark.parametrize("protocol", SEQUENCES)
@pytest.mark.parametrize("is_tmux", [False, True])
@given(
    title=st.text(st.sampled_from("a\x07\x1b\x9c\x9d\x00;]\\\n\x90[é#(") | st.characters()), body=st.text()
)
def test_a_notification_is_one_sequence_whatever_its_texts(
    protocol: str, is_tmux: bool, title: str, body: str
) -> None:
    pattern = SEQUENCES[protocol].replace("LINE", "[ -:<-~]*")
    written = Terminal(protocol, is_tmux=is_tmux).notification(title, body)
    if protocol and is_tmux:
        inner = re.fullmatch(r"\x07\x1bPtmux;(.*)\x1b\\", written)
        assert inner
        assert "\x1b" not in inner[1].replace("\x1b\x1b", "")
        written = "\x07" + inner[1].replace("\x1b\x1b", "\x1b")
    assert re.fullmatch("\x07" + pattern, written)


def test_a_line_is_cut_and_says_what_it_can() -> None:
    assert (
        line("CUDA out of memory;\nTried\t2 GiB – \x1b[31mred\x1b[m")
        == "CUDA out of memory, Tried 2 GiB ? red"
    )
    assert len(line("x" * 10_000)) == 200


@pytest.mark.parametrize(
    ("name", "is_titled"),
    [("xterm-256color", True), ("tmux", True), ("linux", False), ("vt100", False), ("", False)],
)
def test_a_terminal_without_a_title_gets_none(name: str, is_titled: bool) -> None:
    assert has_title({"TERM": name} if name else {}) is is_titled


def test_outside_of_tmux_nothing_is_asked() -> None:
    assert ask_tmux({"PATH": "/none"}) is None


def test_a_tmux_that_does_not_answer_passes_nothing_on() -> None:
    assert ask_tmux({"TMUX": "/no/socket,1,0", "TMUX_PANE": "%0"}) == Tmux()
    assert ask_tmux({"TMUX": "/no/socket,1,0", "TMUX_PANE": "#(touch x)", "PATH": "/none"}) == Tmux()


@given(st.text())
def test_no_title_ends_its_sequence(text: str) -> None:
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", shown(text)[4:-1])
