"""The English of services' messages: queue, cost, epochs, steps, losses, uploads, endings.

Every word that ftmon looks for in a message stands here. PROTOCOL §1.3, §2.3, §3.2 and §4 give the messages.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from ftmon.model.checkpoint import Checkpoint
from ftmon.model.event import Event
from ftmon.model.job import Status
from ftmon.model.metrics import Metrics, parse_metrics


class Facts(NamedTuple):
    """What one message says; None for what it does not."""

    queue: int | None = None
    """Jobs ahead in the queue."""
    cost: float | None = None
    """US dollars."""
    epoch: int | None = None
    """Epochs completed."""
    total_epochs: int | None = None
    step: int | None = None
    total_steps: int | None = None
    train_loss: float | None = None
    valid_loss: float | None = None
    """Losses, which may be no number."""
    fine_tuned_model: str | None = None
    result_file: str | None = None
    started: bool = False
    claim: Status | None = None
    """The ending that the message claims. Only the job object says that a job is over."""
    error: str | None = None
    checkpoint: Checkpoint | None = None


NOTHING = Facts()

STALLED = "The run stands still: nothing new is written"
"""What ftmon's own service says of a run that is silent for far longer than its rhythm."""

_CHANGE = re.compile(r"succe|fail|cancel|error|complete|start|paus", re.IGNORECASE)
_PROGRESS = re.compile(r"start|step|epoch", re.IGNORECASE)
_END = re.compile(r"\b(?:succeeded|failed|cancell?ed)\b|\bsuccessfully completed\b", re.IGNORECASE)


def hints_at_change(message: str, status: Status) -> bool:
    """Whether a message may come with a change of the job's status, so that the job is worth reading.

    A job that waits has begun to run where any progress is told.
    """
    waits = status in (Status.PENDING, Status.PAUSED)
    return (_PROGRESS if waits else _CHANGE).search(message) is not None


def may_tell_error(message: str) -> bool:
    """Whether `read_message` may find an error in a message: a cheap test."""
    return message.startswith("Error: ") or "failed" in message[:64]


def claims_end(message: str) -> bool:
    """Whether a message says that the job is over. Only the job object decides that it is."""
    return _END.search(message) is not None


_PREAMBLE = re.compile(r"[^:.]{0,60}\b(?:failed|error|failure)\b[^:.]{0,40}[:.]\s{1,9}(?=\S)", re.IGNORECASE)


def reason(message: str) -> str:
    """Return a message of an error without the words that only say that it is one.

    Of `The job failed: out of memory` that is `out of memory`.
    """
    match = _PREAMBLE.match(message)
    return message[match.end() :] if match else message


_CHECKPOINT = re.compile(r"[Cc]heckpoint\b.{0,99}?\bstep (\d{1,15})\b")


def checkpoint_step(message: str) -> int | None:
    """Return the step of the checkpoint that a message tells of."""
    match = _CHECKPOINT.search(message)
    return int(match[1]) if match else None


def read_message(message: str) -> Facts:
    """Read one message, already safe; `NOTHING` for one that says nothing known."""
    if message.startswith("{'"):
        return _trainer_line(message)
    word = message.partition(" ")[0]
    for pattern, facts in _compiled(word) if word in _READERS else ():
        if match := pattern.match(message):
            return facts(match)
    return NOTHING


def read_beside(message: str, metrics: Metrics) -> Facts:
    """Read what a message says beside the figures of its event; `NOTHING` where it only repeats them.

    Of a million events, most are a step in words or a trainer's own line, with the same figures as data.
    """
    is_told = metrics.step is not None and metrics.train_loss is not None
    if is_told and message.startswith("{'"):
        return NOTHING
    has_all = metrics.total_steps is not None and (metrics.valid_loss is not None or "valid" not in message)
    return NOTHING if is_told and has_all and _match_step(message) else read_message(message)


_STALL = re.compile(r"Nothing was written for (\d{1,9}) minutes")
_NO_NUMBER = re.compile(
    r"""loss[\\'"]{0,2}\s{0,4}[=:]\s{0,4}[\\'"]{0,2}[-+]?(?:nan|inf(?:inity)?)\b""", re.IGNORECASE
)


def minutes_of_stall(message: str) -> int | None:
    """Return for how many minutes a run of this machine has written nothing, where ftmon tells that of it."""
    match = _STALL.fullmatch(message)
    return int(match[1]) if match else None


def tells_no_number(text: str) -> bool:
    """Whether a message, or an event as sent, tells a loss that is not finite: `training loss=nan`."""
    return _NO_NUMBER.search(text) is not None


_NUMBER = r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|(?i:nan|inf(?:inity)?)\b)"
_TRAIN_LOSS = re.compile(rf"train(?:ing)? loss=({_NUMBER})")
_VALID_LOSS = re.compile(rf"(?<!full )validation loss=({_NUMBER})")
_FULL_VALID_LOSS = re.compile(rf"full validation loss=({_NUMBER})")


def _loss(pattern: re.Pattern[str], message: str) -> float | None:
    match = pattern.search(message)
    return float(match[1]) if match else None


def _trainer_line(message: str) -> Facts:
    """Read what a trainer printed, which Scale's llm-engine passes on: `{'loss': 2.1, 'epoch': 0.7}`."""
    # Few services send such lines, and the reader of them takes time to import.
    from ftmon.model.figures import count
    from ftmon.model.trainer_lines import TrainerReader

    lines = TrainerReader().read(message)
    figures = lines[0].figures if lines else {}
    return Facts(
        epoch=count(figures.get("epoch")),
        step=count(figures.get("step")),
        total_steps=count(figures.get("total_steps")),
        train_loss=figures.get("train_loss"),
        valid_loss=figures.get("valid_loss"),
    )


def _count(digits: str | None) -> int | None:
    return int(digits) if digits else None


def _step(match: re.Match[str]) -> Facts:
    message = match.string
    valid_loss = None
    # Most steps have no validation loss, and a search for one takes as long as all the rest.
    if "validation loss=" in message:
        full = _loss(_FULL_VALID_LOSS, message)
        valid_loss = _loss(_VALID_LOSS, message) if full is None else full
    return Facts(
        step=int(match[1]),
        total_steps=_count(match[2]),
        train_loss=_loss(_TRAIN_LOSS, message),
        valid_loss=valid_loss,
    )


_STEP = r"Step (\d{1,15})(?:/(\d{1,15}))?\s*[:,]"
_match_step = re.compile(_STEP).match


def step_at_start(message: str) -> int | None:
    """Return the step that a message begins with, or None. It takes a fraction of `read_message`."""
    match = _match_step(message)
    return int(match[1]) if match else None


_Facts = Callable[[re.Match[str]], Facts]
_Reader = tuple[str, _Facts]

# A full stop ended the sentences of the first API's specification, and is no part of a name.
_started = (r"\S+(?: job)? started\.?$", lambda match: Facts(started=True))
_succeeded = (r"\S+(?: job)? succeeded", lambda match: Facts(claim=Status.SUCCEEDED))


def _failure(match: re.Match[str]) -> Facts:
    # OpenAI's first client said “Please contact us”, which is no reason (PROTOCOL §1.5).
    reason = "" if match[1].startswith("Please contact") else match[1]
    return Facts(claim=Status.FAILED, error=reason or None)


_failed = (r"\S+(?: job)? failed\b[.:]?\s*(.*)", _failure)
_cancelled = (r"\S+(?: job)? cancell?ed", lambda match: Facts(claim=Status.CANCELLED))
_SENTENCE = r"(?:Step (?P<step>\d{1,15})|Figures)(?!\w)"
"""What dialects say of the figures of a checkpoint."""


def _checkpoint(pattern: str) -> _Reader:
    def facts(match: re.Match[str]) -> Facts:
        found = match.groupdict()
        return Facts(checkpoint=Checkpoint(found.get("name") or "", _count(found.get("step"))))

    return pattern, facts


def _path(match: re.Match[str]) -> Facts:
    name = match[1].rstrip("/.,;:'\"").rpartition("/")[2]
    step = re.search(_STEP_OF_NAME, name.rpartition(".")[0] or name)
    return Facts(checkpoint=Checkpoint(name, int(step[1]) if step else None))


_STEP_OF_NAME = r"(?<!epoch)(?<!epoch[-_=])(?<!\d)(\d{1,15})(?!.*\d)"
"""The step in the name of a file, without its ending: `step_000500`, `epoch=3-step=500`, `ckpt-500`."""

# What people print in trainers of their own
_saved_to = (r"\w+ (?:the )?(?:model )?checkpoint (?:to|at|in):? (\S{1,500})", _path)

_queue = (r".*\bQueue number: (\d{1,9})(?!\d)", lambda match: Facts(queue=int(match[1])))

# By the first word of the message, so that a message that says nothing costs one look-up.
_READERS: dict[str, tuple[_Reader, ...]] = {
    "Step": ((_STEP, _step),),
    "Completed": (
        (
            r"Completed epoch (\d{1,9})(?:/(\d{1,9}))?(?!\d)",
            lambda match: Facts(epoch=int(match[1]), total_epochs=_count(match[2])),
        ),
        (r"Completed results file: (\S+)", lambda match: Facts(result_file=match[1])),
    ),
    "Epoch": ((r"Epoch completed, at step (\d{1,15})", lambda match: Facts(step=int(match[1]))),),
    "Fine-tune": (
        (
            r"Fine-tune costs \$(\d[\d,]{0,15}(?:\.\d{1,9})?)",
            lambda match: Facts(cost=float(match[1].replace(",", ""))),
        ),
        _queue,
        _started,
        _succeeded,
        _failed,
        _cancelled,
    ),
    "Fine-tuning": (_started, _failed, _cancelled),
    # OpenAI (PROTOCOL §2.3), and what dialects make of a list of checkpoints
    "Checkpoint": (
        _checkpoint(r"Checkpoint created at step (?P<step>\d{1,15}) with Snapshot ID: (?P<name>\S+?)\.?$"),
        _checkpoint(rf"Checkpoint (?P<name>.{{1,500}}?): {_SENTENCE}"),
        (r"Checkpoint saved (?:to|at|in):? (\S{1,500})", _path),
    ),
    "Checkpoint:": (_checkpoint(rf"Checkpoint: {_SENTENCE}"),),
    # ftmon's callbacks for frameworks, and Hugging Face's Trainer
    "Saved": (_checkpoint(r"Saved (?P<name>checkpoint-(?P<step>\d{1,15}))$"), _saved_to),
    "Saving": (
        _checkpoint(r"Saving a checkpoint of step (?P<step>\d{1,15})$"),
        _checkpoint(r"Saving model checkpoint to (?P<name>\S{0,500}?-(?P<step>\d{1,15}))/?$"),
        _saved_to,
    ),
    "Fine": (
        (r"Fine tuning job successfully completed", lambda match: Facts(claim=Status.SUCCEEDED)),
        (r"Fine tuning process stopping due to job", lambda match: Facts(claim=Status.CANCELLED)),
    ),
    "The": (
        (r"The job has successfully completed", lambda match: Facts(claim=Status.SUCCEEDED)),
        # Of a change of the status, which stands in for events (`wire.dialects.made`).
        (r"The job is running\b", lambda match: Facts(started=True)),
    ),
    "Job": (
        _queue,
        (r"Job started at ", lambda match: Facts(started=True)),
        _started,
        _succeeded,
        (r"Job finished at ", lambda match: Facts(claim=Status.SUCCEEDED)),
        _failed,
        _cancelled,
    ),
    "Uploaded": (
        (r"Uploaded result files?: (\S+?)\.?$", lambda match: Facts(result_file=match[1])),
        (r"Uploaded (?:model|snapshot): (\S+?)\.?$", lambda match: Facts(fine_tuned_model=match[1])),
    ),
    "New": ((r"New fine-tuned model created: (\S+)", lambda match: Facts(fine_tuned_model=match[1])),),
    "Error:": ((r"Error: (.+)", lambda match: Facts(error=match[1])),),
}


@cache
def _compiled(word: str) -> tuple[tuple[re.Pattern[str], _Facts], ...]:
    """Compile the patterns for a word when a message begins with it. A run has few of these words."""
    return tuple((re.compile(pattern), facts) for pattern, facts in _READERS[word])


def step_of(event: Event) -> int | None:
    """Return the step that an event tells of."""
    step = parse_metrics(event).step
    if step is None:
        step = step_at_start(event.message)
    return read_message(event.message).step if step is None else step


def event_figures(facts: Facts, metrics: Metrics) -> Metrics:
    """Combine the figures of an event. Those in its `data` are exact; a message may have rounded them."""
    if facts is NOTHING:
        return metrics
    return Metrics(
        facts.step if metrics.step is None else metrics.step,
        metrics.total_steps or facts.total_steps,
        facts.train_loss if metrics.train_loss is None else metrics.train_loss,
        facts.valid_loss if metrics.valid_loss is None else metrics.valid_loss,
        *metrics[4:],
    )
