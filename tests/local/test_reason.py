from ftmon.local.reason import Reason
from ftmon.model.event import Level
from ftmon.model.trainer_lines import TrainerReader

TORCHRUN = """\
[rank2]: Traceback (most recent call last):
[rank2]:   File "train.py", line 13, in <module>
[rank2]: ValueError: loss is NaN
[rank0]: Traceback (most recent call last):
[rank0]: RuntimeError: [pair.cc:553] Connection closed by peer
E1127 14:31:38.160000 9974 torch/distributed/elastic/multiprocessing/api.py:1002] failed (exitcode: 1)
Traceback (most recent call last):
    raise ChildFailedError(
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
Failures:
  rank      : 0 (local_rank: 0)
Root Cause (first observed failure):
[0]:
  time      : 2026-11-27_14:31:38
  rank      : 2 (local_rank: 2)
  exitcode  : 1 (pid: 10016)
"""
"""Of torch 2.13."""


def reason(output: str) -> str:
    found, reader = Reason(), TrainerReader()
    for text in output.splitlines():
        for line in reader.read(text):
            found.note(line.text, is_error=line.level is Level.ERROR)
    return found.text


def test_it_is_the_last_error() -> None:
    assert reason("ERROR: first\nTraceback (most recent call last):\nKeyError: 'x'\nbye") == "KeyError: 'x'"
    assert reason("all is well") == ""


def test_of_several_ranks_it_is_that_of_the_first_to_fail() -> None:
    assert reason(TORCHRUN) == "ValueError: loss is NaN"
    # Without torchrun's word for it, the last one.
    assert reason(TORCHRUN.partition("Root")[0]) == "RuntimeError: [pair.cc:553] Connection closed by peer"
    assert reason(TORCHRUN.replace(": 2 (", ": 7 (")).startswith("RuntimeError: ")
