import json
import socket
from typing import Any

import pytest

from ftmon.model.job import Job, Status
from ftmon.model.note import Note, Reason
from ftmon.notify.address import message, send
from ftmon.notify.words import Facts, facts
from tests.notify.listener import listening
from tests.test_run import LIVE, event_of, run_of, update_of

SAID = "<!channel> <@U1> @everyone *bold* [here](https://x.example) & so on"


def told(detail: str = SAID) -> Facts:
    step = event_of("Step 58/100: training loss=0.48")
    run = run_of([update_of(step, job=Job("ft-1", Status.FAILED, model="curie"), connection=LIVE)])
    return facts(Note(Reason.FAILED, detail=detail), run)


def shaped(kind: str, detail: str = SAID) -> Any:
    return json.loads(message(kind, told(detail)).body)


def test_any_server_gets_one_plain_object_of_all_facts() -> None:
    fields = shaped("json")
    assert fields["object"] == "notification"
    assert (fields["event"], fields["job"], fields["status"]) == ("failed", "ft-1", "failed")
    assert (fields["message"], fields["model"], fields["step"], fields["loss"]) == (SAID, "curie", 58, 0.48)
    assert fields["service"] == "127.0.0.1:8000"


def test_a_loss_that_is_no_number_any_more_is_none() -> None:
    events = [event_of(f"Step {step}/9: training loss={loss}") for step, loss in ((1, 0.48), (2, "nan"))]
    run = run_of([update_of(*events, job=Job("ft-1", Status.FAILED), connection=LIVE)])
    assert facts(Note(Reason.FAILED), run)["loss"] is None


def test_ntfy_gets_text() -> None:
    body, headers = message("ntfy", told("out of memory"))
    assert body.decode() == "✘ ft-1 failed\nout of memory\nstep 58/100, loss 0.48"
    assert headers["Content-Type"].startswith("text/plain")


def test_slack_gets_no_markup_and_no_mention() -> None:
    text = shaped("slack")["text"]
    assert "&lt;!channel&gt; &lt;@U1&gt;" in text
    assert "&amp; so on" in text
    assert not {"<", ">"} & set(text)
    assert shaped("slack")["mrkdwn"] is False


def test_discord_gets_no_markup_and_mentions_nobody() -> None:
    fields = shaped("discord")
    assert fields["allowed_mentions"] == {"parse": []}
    assert r"\*bold\* \[here\]\(https://x.example\)" in fields["content"]


@pytest.mark.parametrize("kind", ["ntfy", "slack", "discord", "json"])
def test_what_a_service_says_is_cut_to_what_the_address_takes(kind: str) -> None:
    assert len(message(kind, told("<*" * 100_000)).body) < 16_000
    assert len(shaped("discord", "*" * 5000)["content"]) <= 2000


def test_it_is_posted_without_any_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-Zx9Kq7Wv-secret-0123456789")
    with listening() as listener:
        assert send(f"http://127.0.0.1:{listener.port}/hook?token=1", "json", told()) == ""
        request = listener.take()
    assert (request.method, request.path) == ("POST", "/hook?token=1")
    assert json.loads(request.body)["event"] == "failed"
    assert "Authorization" not in request.headers
    assert "Zx9Kq7Wv" not in str(request)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with listening() as other, listening(status, f"http://127.0.0.1:{other.port}/") as listener:
        failure = send(f"http://127.0.0.1:{listener.port}/secret", "json", told())
        assert failure == f"The address answered with {status}."
        assert len(listener.rest) == 1
        assert other.rest == []


def test_this_machine_is_not_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as proxy, listening() as listener:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert send(f"http://127.0.0.1:{listener.port}/", "json", told()) == ""
        assert (len(listener.rest), len(proxy.rest)) == (1, 0)


def test_a_failure_does_not_tell_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert (
            send(f"http://127.0.0.1:{port}/secret", "json", told()) == "The address refused the connection."
        )
    with listening(404) as listener:
        assert send(f"http://127.0.0.1:{listener.port}/x", "json", told()) == "The address answered with 404."
