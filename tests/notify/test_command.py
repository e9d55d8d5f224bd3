import json
import os
import sys
from pathlib import Path

import pytest

from ftmon.notify.command import run, variables, without_keys
from ftmon.notify.words import Facts
from tests.command import KEY

TOLD: Facts = {
    "event": "failed",
    "job": "ft-1",
    "message": "$(touch x); `y` & z\n\"'",
    "loss": 0.5,
    "step": None,
}

KEEP = """
import json, os, sys
told = {name: value for name, value in os.environ.items() if name.startswith("FTMON_")}
open(sys.argv[1], "w").write(json.dumps([told, json.load(sys.stdin), dict(os.environ)]))
"""


def test_a_command_gets_the_facts_as_variables_and_as_json(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert run([sys.executable, "-c", KEEP, str(kept)], TOLD, os.environ) == ""
    told, sent, _ = json.loads(kept.read_text())
    assert sent == TOLD
    assert (told["FTMON_EVENT"], told["FTMON_JOB"], told["FTMON_LOSS"]) == ("failed", "ft-1", "0.5")
    assert (told["FTMON_MESSAGE"], told["FTMON_STEP"]) == (TOLD["message"], "")


def test_a_variable_is_capped_and_has_no_nul() -> None:
    told = variables({"message": "é\0" * 10_000, "title": "\udc80"})
    assert len(told["FTMON_MESSAGE"].encode()) == 4096
    assert "\0" not in told["FTMON_MESSAGE"]
    assert told["FTMON_TITLE"] == "?"


def test_the_keys_are_taken_out_of_its_environment() -> None:
    secret = ["OPENAI_API_KEY", "FTMON_API_KEY", "TOGETHER_API_KEY", "HF_TOKEN", "FTMON_NOTIFY", "MY_KEY"]
    kept = without_keys({"PATH": "/bin", **dict.fromkeys(secret, KEY)}, ["MY_KEY"])
    assert kept == {"PATH": "/bin"}


def test_a_command_that_takes_too_long_is_killed_with_all_that_it_has_started(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # Both hold the pipe open. Once both are dead, its end is read.
    script = f"exec 3>{fifo}; sleep 600 & sleep 600"
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    assert run(["sh", "-c", script], TOLD, os.environ, 0.5) == "The command was not done after 0.5 s."
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""
    os.close(reader)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["sh", "-c", "exit 3"], "The command failed with exit status 3."),
        (["/no/such/secret"], "The command cannot be run: No such file or directory."),
        (["true"], ""),
    ],
)
def test_what_went_wrong_is_told_without_the_command(words: list[str], sentence: str) -> None:
    assert run(words, TOLD, os.environ) == sentence
