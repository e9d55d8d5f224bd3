"""What a service of the first fine-tuning API says, byte for byte, from readable arguments."""

import json
from typing import Any

from tests.servers.scripted import End, Script, Step

JOB_ID = "ft-AF1WoRqd3aJAHsqc9NY7iL8F"
JOB = f"/v1/fine-tunes/{JOB_ID}"
STREAM = f"{JOB}/events?stream=true"
LIST = f"{JOB}/events?stream=false"

START = 1691665913
Fields = dict[str, Any]


def event(message: str, after: int = 0, **more: Any) -> Fields:
    """Return an event of so many seconds after the first one."""
    created_at = START + after
    return {
        "object": "fine-tune-event",
        "level": "info",
        "message": message,
        "created_at": created_at,
        **more,
    }


def job(status: str = "running", **more: Any) -> Fields:
    return {
        "object": "fine-tune",
        "id": JOB_ID,
        "model": "curie",
        "created_at": START,
        "fine_tuned_model": None,
        "status": status,
        "updated_at": START,
        **more,
    }


# Neighbours share a second, and a sentence comes twice, as in real runs.
STORY = [
    event(f"Created fine-tune: {JOB_ID}"),
    event("Fine-tune costs $3.67", 60),
    event("Fine-tune enqueued. Queue number: 0", 60),
    event("Fine-tune started", 90),
    event("Saved a checkpoint", 120),
    event("Completed epoch 1/2", 120),
    event("Saved a checkpoint", 120),
    event("Completed epoch 2/2", 150),
    event("Uploaded model: curie:ft-personal-2023-08-10-11-20-00", 180),
    event("Fine-tune succeeded", 180),
]

DONE = b"data: [DONE]\n\n"


def frame(fields: Any) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def head(status: int = 200, kind: str = "text/event-stream", **headers: str) -> bytes:
    """Return the head of an answer; an underscore in a header's name is a hyphen."""
    fields = {"Content-Type": kind, "Connection": "close", **headers}
    lines = [f"HTTP/1.1 {status} Some Words", *[f"{k.replace('_', '-')}: {v}" for k, v in fields.items()]]
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1")


def stream(*parts: Fields | Step) -> Script:
    """Return a chunked stream: events become frames; it ends well unless its last part is an `End`."""
    steps: list[Step] = [head(Transfer_Encoding="chunked")]
    steps += [part if not isinstance(part, (dict, bytes)) else chunk(part) for part in parts]
    return steps if parts and isinstance(parts[-1], End) else [*steps, b"0\r\n\r\n"]


def unframed(*parts: Fields | Step) -> Script:
    """Return a stream that ends where its connection does."""
    return [head(), *[frame(part) if isinstance(part, dict) else part for part in parts]]


def chunk(part: Fields | bytes) -> bytes:
    data = frame(part) if isinstance(part, dict) else part
    return b"%x\r\n%b\r\n" % (len(data), data)


def answer(body: Any, status: int = 200, kind: str = "application/json", **headers: str) -> Script:
    """Return a whole answer; anything but bytes becomes JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return [head(status, kind, Content_Length=str(len(data)), **headers), data]


def page(*events: Fields) -> Script:
    return answer({"object": "list", "data": events})


HTML = b'<html><body><h1>Bad gateway</h1>\n\ndata: {"message": "no event"}\n\n</body></html>'


def failure(status: int, **headers: str) -> Script:
    """Return what a proxy in between answers."""
    return answer(HTML, status, "text/html", **headers)


def refusal(status: int, message: str) -> Script:
    return answer({"error": {"message": message, "type": "invalid_request_error"}}, status)
