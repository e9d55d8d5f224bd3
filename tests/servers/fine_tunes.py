"""Builds the responses of OpenAI's first fine-tuning API, byte for byte, as scripts for `Server`."""

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
    """Return an event created `after` seconds after `START`; `more` adds or replaces fields."""
    created_at = START + after
    return {
        "object": "fine-tune-event",
        "level": "info",
        "message": message,
        "created_at": created_at,
        **more,
    }


def job(status: str = "running", **more: Any) -> Fields:
    """Return a job object; `more` adds or replaces fields."""
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


# As in real runs, neighbouring events share a second, and one message occurs twice.
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
    """Return a server-sent event with a JSON value as its data."""
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def head(status: int = 200, kind: str = "text/event-stream", **headers: str) -> bytes:
    """Return the status line and headers of a response. An underscore in a header name becomes a hyphen."""
    fields = {"Content-Type": kind, "Connection": "close", **headers}
    lines = [f"HTTP/1.1 {status} Some Words", *[f"{k.replace('_', '-')}: {v}" for k, v in fields.items()]]
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1")


def stream(*parts: Fields | Step) -> Script:
    """Return a chunked stream, one chunk per event. It is complete unless its last part is an `End`."""
    steps: list[Step] = [head(Transfer_Encoding="chunked")]
    steps += [part if not isinstance(part, (dict, bytes)) else chunk(part) for part in parts]
    return steps if parts and isinstance(parts[-1], End) else [*steps, b"0\r\n\r\n"]


def unframed(*parts: Fields | Step) -> Script:
    """Return a stream without a length or chunks, which ends when the connection closes."""
    return [head(), *[frame(part) if isinstance(part, dict) else part for part in parts]]


def chunk(part: Fields | bytes) -> bytes:
    """Return an event, or bytes as they are, as one chunk of a chunked body."""
    data = frame(part) if isinstance(part, dict) else part
    return b"%x\r\n%b\r\n" % (len(data), data)


def answer(body: Any, status: int = 200, kind: str = "application/json", **headers: str) -> Script:
    """Return a complete response. A body that is not bytes is encoded as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return [head(status, kind, Content_Length=str(len(data)), **headers), data]


def page(*events: Fields) -> Script:
    """Return the list of events."""
    return answer({"object": "list", "data": events})


HTML = b'<html><body><h1>Bad gateway</h1>\n\ndata: {"message": "no event"}\n\n</body></html>'


def failure(status: int, **headers: str) -> Script:
    """Return the HTML error page of a proxy. Its `data:` line must not be read as an event."""
    return answer(HTML, status, "text/html", **headers)


def refusal(status: int, message: str) -> Script:
    """Return an error response of the service itself."""
    return answer({"error": {"message": message, "type": "invalid_request_error"}}, status)
