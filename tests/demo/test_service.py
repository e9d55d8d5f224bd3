import csv
import http.client
import json
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ftmon.serving.api import Api
from ftmon.serving.apis import APIS
from tests.demo.process import (
    QUICK,
    Demo,
    await_message,
    connection,
    demo,
    read_answer,
    read_stream,
    stream_target,
)

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parent.parent / "samples"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text())


@pytest.fixture(scope="module")
def finished() -> Iterator[Demo]:
    with demo(*QUICK) as service:
        assert read_stream(service).messages[-1] == "Fine-tune succeeded"
        yield service


@pytest.fixture
def unhurried() -> Iterator[Demo]:
    with demo("--speed=0.01") as service:
        yield service


def answer_to(service: Demo, method: str, path: str, **headers: str) -> tuple[int, Any]:
    response = httpx.request(method, f"http://127.0.0.1:{service.address[1]}{path}", headers=headers)
    return response.status_code, response.json()


def test_objects_have_the_fields_of_the_recorded_ones(finished: Demo) -> None:
    recorded = sample("openai_legacy_cancel_response.json")
    job = httpx.get(finished.job_url).json()
    assert list(job) == list(recorded)
    assert job["hyperparams"].keys() == recorded["hyperparams"].keys()
    assert job["object"] == recorded["object"]
    assert job["model"] == "ftmon-demo"
    for kind, purpose in (
        ("training_files", "fine-tune"),
        ("validation_files", "fine-tune"),
        ("result_files", "fine-tune-results"),
    ):
        (file,) = job[kind]
        assert list(file) == list(recorded["training_files"][0])
        assert re.fullmatch("file-[A-Za-z0-9]{24}", file["id"])
        assert file["purpose"] == purpose
        assert file["bytes"] == len(httpx.get(f"{finished.base_url}/files/{file['id']}/content").content)
    for event in job["events"]:
        assert list(event) == list(recorded["events"][0])
        assert event["level"] == "info"
        assert job["created_at"] <= event["created_at"] <= job["updated_at"]
    assert re.fullmatch("ft-[A-Za-z0-9]{24}", job["id"])
    assert re.fullmatch("org-[A-Za-z0-9]{24}", job["organization_id"])
    assert job["events"][-2]["message"] == f"Uploaded result file: {job['result_files'][0]['id']}"
    assert job["events"][-3]["message"] == f"Uploaded model: {job['fine_tuned_model']}"


def test_the_list_holds_the_job_without_its_events(finished: Demo) -> None:
    job = httpx.get(finished.job_url).json()
    del job["events"]
    assert httpx.get(f"{finished.base_url}/fine-tunes").json() == {"object": "list", "data": [job]}
    assert list(job) == list(sample("openai_legacy_list_one_per_status.json")["data"][0])


@pytest.mark.parametrize("query", ["", "?stream=false", "?stream=", "?timeout=120&limit=3"])
def test_without_a_stream_the_events_so_far_are_a_list(finished: Demo, query: str) -> None:
    response = httpx.get(f"{finished.job_url}/events{query}")
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"object": "list", "data": httpx.get(finished.job_url).json()["events"]}


def test_each_stream_replays_all_events_and_ends_with_done(finished: Demo) -> None:
    first, second = read_stream(finished), read_stream(finished)
    assert first.body == second.body
    assert first.is_whole
    frames = [f"data: {json.dumps(event, separators=(',', ':'))}\n\n" for event in first.events]
    assert first.body == "".join(frames) + "data: [DONE]\n\n"
    assert first.events == httpx.get(finished.job_url).json()["events"]


def test_the_stream_has_the_headers_of_the_real_one(finished: Demo) -> None:
    head = read_stream(finished).head.lower().split("\r\n")
    assert head[0] == "http/1.1 200 ok"
    assert {"content-type: text/event-stream", "transfer-encoding: chunked"} <= set(head)
    assert not any(line.startswith(("access-control-", "content-length")) for line in head)


@pytest.mark.parametrize("query", ["?stream=True", "?timeout=120&stream=true"])
def test_a_stream_is_also_had_with_other_parameters_and_any_key(finished: Demo, query: str) -> None:
    headers = {"authorization": "Bearer whatever", "accept": "application/json"}
    response = httpx.get(f"{finished.job_url}/events{query}", headers=headers)
    assert response.headers["content-type"] == "text/event-stream"
    assert response.text.endswith("data: [DONE]\n\n")


def test_a_stream_goes_on_live_and_ends_with_done_when_the_job_is_cancelled(unhurried: Demo) -> None:
    with connection(unhurried, stream_target(unhurried)) as client:
        begin = b""
        while b"data: " not in begin:
            begin += client.recv(65536)
        assert httpx.get(unhurried.job_url).json()["status"] == "pending"
        cancelled = httpx.post(f"{unhurried.job_url}/cancel").json()
        assert read_answer(client, begin).events == cancelled["events"]
    assert cancelled["status"] == "cancelled"
    assert cancelled["events"][-1]["message"] == "Fine-tune cancelled"
    assert cancelled == httpx.get(unhurried.job_url).json()
    assert list(cancelled) == list(sample("openai_legacy_cancel_response.json"))


def test_cancelling_stops_the_training() -> None:
    with (
        demo("--speed=1000", "--steps=20000") as service,
        connection(service, stream_target(service)) as client,
    ):
        begin = b""
        while b"Step 3/" not in begin:
            begin += client.recv(65536)
        assert httpx.get(service.job_url).json()["status"] == "running"
        cancelled = httpx.post(f"{service.job_url}/cancel").json()
        answer = read_answer(client, begin)
        assert answer.is_whole
        assert answer.events == cancelled["events"] == httpx.get(service.job_url).json()["events"]
        assert cancelled["result_files"] == []
        assert cancelled["fine_tuned_model"] is None


def test_a_finished_job_cannot_be_cancelled(finished: Demo) -> None:
    recorded = sample("errors.json")["openai_legacy_400_cancel_finished"]
    body = json.dumps(recorded["body"]).replace("ft-89RAeboUYmFxr8yzORYdSWb7", finished.job_id)
    answer = answer_to(finished, "POST", f"/v1/fine-tunes/{finished.job_id}/cancel")
    assert answer == (recorded["status"], json.loads(body))


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", "/events"), ("GET", "/events?stream=true"), ("POST", "/cancel")]
)
def test_another_job_is_not_found(finished: Demo, method: str, path: str) -> None:
    recorded = sample("errors.json")["openai_404_job_not_found"]
    assert answer_to(finished, method, f"/v1/fine-tunes/123{path}") == (recorded["status"], recorded["body"])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/models", 404, None),
        ("GET", "/", 404, None),
        ("GET", "/v1/files/file-123/content", 404, None),
        ("POST", "/v1/fine-tunes", 405, "method_not_supported"),
        ("DELETE", "/v1/fine-tunes/123", 405, "method_not_supported"),
    ],
)
def test_what_is_not_there_is_refused_with_an_error_object(
    finished: Demo, method: str, path: str, status: int, code: str | None
) -> None:
    answered, body = answer_to(finished, method, path)
    assert answered == status
    assert body["error"].keys() == {"message", "type", "param", "code"}
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["code"] == code


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
@pytest.mark.parametrize("port", ["", ":", ":80", ":9000"])
def test_its_own_names_are_answered_whatever_the_port(finished: Demo, name: str, port: str) -> None:
    # Without a port as on port 80, with another one as through a forwarded port.
    assert answer_to(finished, "GET", f"/v1/fine-tunes/{finished.job_id}", host=name + port)[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.2", "[::2]", "localhost:x"]
)
def test_no_other_name_is_answered(finished: Demo, host: str) -> None:
    status, body = answer_to(finished, "GET", f"/v1/fine-tunes/{finished.job_id}", host=host)
    assert status == 421
    assert finished.job_id not in json.dumps(body)


FOREIGN = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:3000"},
    {"origin": "http://127.0.0.1.evil.example"},
    {"origin": ""},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]
"""What a browser sends for a page of another site, of none, or of another port of this machine."""


def test_a_foreign_page_neither_reads_nor_cancels(unhurried: Demo) -> None:
    job = f"/v1/fine-tunes/{unhurried.job_id}"
    for headers in FOREIGN:
        for method, path in (("POST", f"{job}/cancel"), ("GET", job), ("OPTIONS", f"{job}/cancel")):
            url = f"http://127.0.0.1:{unhurried.address[1]}{path}"
            response = httpx.request(method, url, headers=headers)
            assert response.status_code == 403, headers
            assert unhurried.job_id not in response.text
            assert not any(name.startswith("access-control") for name in response.headers)
    assert httpx.get(unhurried.job_url).json()["status"] == "pending"


@pytest.mark.parametrize("api", APIS.values(), ids=list(APIS))
def test_over_no_api_does_a_foreign_page_or_another_host_read_or_cancel(unhurried: Demo, api: Api) -> None:
    origin = f"http://127.0.0.1:{unhurried.address[1]}"
    jobs = f"{origin}{api.base}{api.path}"
    listed = httpx.get(jobs).json()
    (job,) = listed if isinstance(listed, list) else listed["data"]
    below = [*api.lists, *([api.stream.path] if api.stream else [])]
    routes = [("GET", jobs), *(("GET", f"{jobs}/{job['id']}/{name}") for name in ["", *below])]
    routes += [("POST", f"{jobs}/{job['id']}/{action}") for action in api.actions]
    routes += [("GET", f"{origin}{path}") for path in api.documents]
    for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
        for method, url in routes:
            response = httpx.request(method, url, headers=headers)
            assert response.status_code in (403, 421), (method, url, headers)
            assert job["id"] not in response.text
    assert httpx.get(jobs).json() == listed


def test_a_page_of_its_own_and_an_address_that_the_user_types_are_answered(finished: Demo) -> None:
    own = f"http://127.0.0.1:{finished.address[1]}"
    for headers in ({"origin": own, "sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}):
        assert answer_to(finished, "GET", f"/v1/fine-tunes/{finished.job_id}", **headers)[0] == 200


def test_the_head_of_a_stream_is_whole_at_once(unhurried: Demo) -> None:
    response = httpx.head(f"{unhurried.job_url}/events?stream=true", timeout=20)
    assert response.headers["content-type"] == "text/event-stream"


def test_a_target_with_a_host_in_it_is_no_way_round(finished: Demo) -> None:
    for host in ("evil.example", f"127.0.0.1:{finished.address[1]}"):
        with socket.create_connection(finished.address, timeout=20) as client:
            target = f"http://evil.example/v1/fine-tunes/{finished.job_id}"
            client.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            answered = b"".join(iter(lambda: client.recv(65536), b""))
        assert answered.split()[1] in (b"421", b"404")
        assert b"pending" not in answered


def test_a_request_without_a_host_is_refused(finished: Demo) -> None:
    client = http.client.HTTPConnection(*finished.address)
    client.putrequest("GET", f"/v1/fine-tunes/{finished.job_id}", skip_host=True)
    client.endheaders()
    assert client.getresponse().status == 400
    client.close()


def test_it_listens_on_one_loopback_address_only(finished: Demo) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", finished.address[1])).close()


def test_the_result_file_has_the_recorded_columns(finished: Demo) -> None:
    (file,) = httpx.get(finished.job_url).json()["result_files"]
    rows = list(csv.reader(httpx.get(f"{finished.base_url}/files/{file['id']}/content").text.splitlines()))
    (recorded,) = csv.reader((SAMPLES / "openai_results_legacy_header.csv").read_text().splitlines())
    assert rows[0] == recorded[:9]
    assert len(rows) == 1 + 20


def test_a_job_that_fails_says_why_and_has_no_results() -> None:
    with demo(*QUICK, "--fail") as service:
        answer = read_stream(service)
        job = httpx.get(service.job_url).json()
    assert answer.is_whole
    assert answer.messages[-1].startswith("Error: The training has diverged")
    assert job["status"] == "failed"
    assert job["fine_tuned_model"] is None
    assert job["result_files"] == []


@pytest.mark.parametrize("cut_after", [1, 4, 7, 100])
def test_a_stream_is_cut_after_so_many_new_events_and_can_be_resumed_to_the_end(cut_after: int) -> None:
    with demo(*QUICK, f"--cut-after={cut_after}") as service:
        seen: list[dict[str, Any]] = []
        while not (answer := read_stream(service)).is_whole:
            assert answer.events[: len(seen)] == seen
            assert len(answer.events) == len(seen) + cut_after
            assert "[DONE]" not in answer.body
            seen = answer.events
        assert answer.body.endswith("data: [DONE]\n\n")
        assert len(seen) <= len(answer.events) <= len(seen) + cut_after
        assert answer.events == httpx.get(service.job_url).json()["events"]
        assert service.process.poll() is None


def test_a_reader_that_leaves_in_the_middle_of_the_past_is_told_nowhere() -> None:
    with demo("--speed=1e9", "--steps=3000", "--epochs=1") as service:
        await_message(service, "[DONE]")
        for _ in range(10):
            with connection(service, stream_target(service)) as client:
                assert client.recv(1)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert read_stream(service).is_whole
        service.process.terminate()
        assert service.process.communicate() == ("", "")


def test_a_cut_stream_is_told_nowhere() -> None:
    with demo(*QUICK, "--cut-after=3") as service:
        read_stream(service)
        service.process.terminate()
        assert service.process.communicate() == ("", "")
