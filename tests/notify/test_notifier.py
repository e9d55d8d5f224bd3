import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from queue import Queue

import pytest

from ftmon.model.job import Job, Status
from ftmon.model.note import Reason
from ftmon.model.run import Run
from ftmon.model.update import Connection, Update, Wire
from ftmon.notify.notifier import Notifier
from ftmon.settings.notification import Notification
from tests.command import KEY, PATIENCE
from tests.notify.listener import listening
from tests.test_run import KEY as JOB
from tests.test_run import LIVE, START, at, event_of, update_of

pytestmark = pytest.mark.slow

ENVIRON = {**os.environ, "TERM": "foot", "TMUX": "", "OPENAI_API_KEY": KEY, "MY_KEY": KEY}
KEEP = "import os, sys; open(sys.argv[1], 'w').write(repr(dict(os.environ)) + sys.stdin.read())"


class Told:
    """What a run that fails has told in each way."""

    def __init__(self, ways: Notification, detail: str = "out of memory") -> None:
        self.rung: list[str] = []
        self.failures: Queue[str] = Queue()
        notifier = Notifier(
            ways,
            ring=self.rung.append,
            report=self.failures.put,
            secrets=["Zx9Kq7Wvhidden"],
            now=lambda: START,
            environ=ENVIRON,
        )
        run = Run(JOB)
        step = event_of("Step 58/100: training loss=0.48", 1)
        for update in (
            update_of(step, seconds=1, job=Job("ft-1", Status.RUNNING), connection=LIVE),
            Update(JOB, at(2), job=Job("ft-1", Status.FAILED, error=detail)),
            Update(JOB, at(3), connection=Connection(Wire.CLOSED)),
            Update(JOB, at(4), connection=Connection(Wire.CLOSED)),
        ):
            run.apply(update)
            notifier.take(update, run)
        notifier.finish(PATIENCE)


def test_the_terminal_is_rung_once() -> None:
    assert Told(Notification()).rung == ["\x07\x1b]777;notify;ft-1 failed;out of memory\x07"]


def test_what_is_not_chosen_is_not_told() -> None:
    assert Told(Notification(reasons=frozenset({Reason.STALLED}))).rung == []


def test_a_command_and_an_address_are_told_once_and_neither_is_handed_a_key(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with listening() as listener:
        address = f"http://127.0.0.1:{listener.port}/x"
        command = (sys.executable, "-c", KEEP, str(kept))
        told = Told(
            Notification(address, command, key_variables=("MY_KEY",)), f"it says {KEY} Zx9Kq7Wvhidden"
        )
        (request,) = listener.rest
    fields = json.loads(request.body)
    assert (fields["event"], fields["message"], fields["step"]) == ("failed", "it says [key] [key]", 58)
    assert "'FTMON_EVENT': 'failed'" in kept.read_text()
    assert "Zx9Kq7Wv" not in kept.read_text()
    assert told.failures.empty()


@pytest.mark.parametrize(
    ("ways", "sentence"),
    [
        (lambda port: Notification(f"http://127.0.0.1:{port}/x"), "The address answered with 500."),
        (lambda port: Notification(command=("sh", "-c", "exit 4")), "The command failed with exit status 4."),
    ],
    ids=["address", "command"],
)
def test_the_user_is_told_what_has_failed(ways: Callable[[int], Notification], sentence: str) -> None:
    with listening(500) as listener:
        assert (
            Told(ways(listener.port)).failures.get(timeout=PATIENCE)
            == f"A notification has failed. {sentence}"
        )
