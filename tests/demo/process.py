"""The demo service as a process, and a client that sees every byte of its streams."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

QUICK = ("--speed=1000", "--steps=20", "--epochs=1")


@dataclass(frozen=True)
class Demo:
    process: subprocess.Popen[str]
    base_url: str
    job_id: str

    @property
    def job_url(self) -> str:
        return f"{self.base_url}/fine-tunes/{self.job_id}"

    @property
    def address(self) -> tuple[str, int]:
        url = urlsplit(self.base_url)
        assert url.hostname
        assert url.port
        return url.hostname, url.port


@dataclass(frozen=True)
class Answer:
    """What came over one connection until the service closed it."""

    head: str
    body: str
    is_whole: bool
    """Whether the last chunk came."""

    @property
    def events(self) -> list[dict[str, Any]]:
        frames = self.body.removesuffix("data: [DONE]\n\n")
        return [json.loads(frame.removeprefix("data: ")) for frame in frames.split("\n\n")[:-1]]

    @property
    def messages(self) -> list[str]:
        return [event["message"] for event in self.events]


@contextmanager
def demo(*arguments: str) -> Iterator[Demo]:
    command = [sys.executable, "-m", "ftmon", "demo", "--serve", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield Demo(process, **json.loads(process.stdout.readline()))
        finally:
            process.kill()


@contextmanager
def connection(demo: Demo, target: str) -> Iterator[socket.socket]:
    with socket.create_connection(demo.address, timeout=20) as client:
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{demo.address[1]}\r\n\r\n".encode())
        yield client


def await_message(demo: Demo, message: str) -> None:
    """Wait until the job has told a message."""
    origin = f"http://127.0.0.1:{demo.address[1]}/v1/fine-tunes"
    (job,) = httpx.get(origin).json()["data"]
    with httpx.stream("GET", f"{origin}/{job['id']}/events?stream=true", timeout=20) as answer:
        assert any(message in line for line in answer.iter_lines())


def stream_target(demo: Demo) -> str:
    return f"/v1/fine-tunes/{demo.job_id}/events?stream=true"


def read_stream(demo: Demo) -> Answer:
    with connection(demo, stream_target(demo)) as client:
        return read_answer(client)


def read_answer(client: socket.socket, received: bytes = b"") -> Answer:
    """Read to the end of an answer of which this much was received."""
    while not received.endswith(b"\r\n0\r\n\r\n") and (data := client.recv(65536)):
        received += data
    head, _, chunks = received.decode().partition("\r\n\r\n")
    body = ""
    while size := re.match(r"([0-9a-fA-F]+)\r\n", chunks):
        length = int(size[1], 16)
        body += chunks[size.end() : size.end() + length]
        chunks = chunks[size.end() + length + 2 :]
        if length == 0:
            return Answer(head, body, is_whole=True)
    return Answer(head, body, is_whole=False)
