import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ftmon.history.store import History
from ftmon.model.key import JobKey
from ftmon.model.update import Update
from ftmon.safe import safe
from ftmon.settings import Key
from ftmon.wire.dialects.reading import entries
from tests.servers.fine_tunes import JOB, JOB_ID, STREAM, answer, event, job, refusal, stream
from tests.servers.scripted import End, Server
from tests.tui.stage import JOBS, NOW, stage

pytestmark = pytest.mark.slow

KEY = Key("secret-0123456789abcdef", "FTMON_API_KEY")
"""Nothing tells by its looks that it is one."""
LINES = "curie\n✔ succeeded  ft-forged\r\n\ttwo"


async def test_a_name_of_several_lines_forges_no_row_of_the_list_of_jobs() -> None:
    data = [{**job(), "model": LINES}]
    async with stage({JOBS: [answer({"object": "list", "data": data})]}, job_id=None, size=(120, 40)) as seen:
        await seen.until_shown("1 job listed by the service")
        assert "curie↵✔ succeeded  ft-forged↵ two" in seen.rows[seen.row_of(JOB_ID)]


async def test_words_of_several_lines_stay_in_the_lines_of_the_header() -> None:
    scripts: dict[str, Any] = {
        JOB: [answer(job(LINES, model=LINES))],
        STREAM: [stream(event("told"), End.HANG)],
    }
    async with stage(scripts, size=(120, 40)) as seen:
        await seen.until_shown("told")
        assert "curie↵✔ succeeded  ft-forged↵ two" in seen.rows[0]
        assert "? curie↵✔ succeeded  ft-forged↵ two" in seen.rows[2]


# The key


def echoing(**more: Any) -> dict[str, Any]:
    """Return the scripts of a service that repeats the key wherever a text is shown."""
    said = f"repeats {KEY.value}"
    scripts: dict[str, Any] = {
        JOBS: [answer({"object": "list", "data": [job(model=said), {**job(), "id": KEY.value}]})],
        JOB: [answer(job(said, model=said))],
        STREAM: [
            stream(
                event(said),
                event(f"{KEY.value[:9]}\x1b[0m{KEY.value[9:]} was cut up", 1),
                b"event: error\ndata: " + json.dumps({"error": said}).encode() + b"\n\n",
                End.HANG,
            )
        ],
        f"{JOB}/cancel": [refusal(403, said)],
    }
    return {**scripts, **more}


def check_hidden(*texts: str) -> None:
    for text in texts:
        assert KEY.value[:9] not in text
        assert KEY.value[9:] not in text


async def test_the_key_is_in_no_picture_of_the_screen() -> None:
    async with stage(echoing(), size=(120, 40), key=KEY) as seen:
        await seen.until_shown("was cut up")
        await seen.until_shown("The service told of an error: repeats [key]")
        assert "repeats [key]" in seen.rows[0]
        check_hidden(seen.text, seen.app.export_screenshot())
        await seen.press("o")
        await seen.until_shown("1 job listed by the service")
        check_hidden(seen.text, seen.app.export_screenshot())
        await seen.press("escape", "ctrl+p")
        await seen.until_shown("Copy the job id")
        check_hidden(seen.text, seen.app.export_screenshot())
        await seen.press("escape", "x", "y")
        await seen.until_shown("The job was not cancelled")
        check_hidden(seen.text, seen.app.export_screenshot())


async def test_the_key_is_not_copied() -> None:
    async with stage(echoing(), size=(120, 40), key=KEY) as seen:
        await seen.until_shown("was cut up")
        await seen.press("shift+up", "y")
        await seen.until_shown("Sent the event to")
        assert "[key] was cut up" in seen.app.clipboard
        check_hidden(seen.app.clipboard)


async def test_a_refusal_that_repeats_the_key_is_shown_without_it() -> None:
    refused = refusal(401, f"Incorrect API key provided: {KEY.value}")
    async with stage(echoing(**{JOB: [refused], STREAM: [refused]}), size=(120, 40), key=KEY) as seen:
        await seen.until_shown("Incorrect API key provided: [key]")
        check_hidden(seen.text, seen.app.export_screenshot())


async def test_a_crash_of_the_screen_tells_neither_the_key_nor_anything_that_acts_on_a_terminal(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise RuntimeError(f"it broke with {KEY.value} \x1b]0;owned\x07\x1b[2J\x9b31m")

    apps = []

    async def watched() -> None:
        async with stage(echoing(), key=KEY) as seen:
            apps.append(seen.app)
            seen.app.call_later(fail)
            await seen.until(lambda: seen.app.return_code is not None)

    with pytest.raises(RuntimeError, match="it broke"):
        await watched()
    assert apps[0].return_code == 70
    told = capfd.readouterr().err
    assert "it broke with [key]" in told
    check_hidden(told.replace("\n", ""))
    assert safe(told) == told


# The history


async def test_of_a_tampered_history_only_what_can_be_a_job_is_offered_and_no_other_service_is_asked(
    tmp_path: Path,
) -> None:
    path, other = tmp_path / "history" / "history.sqlite3", Server({})
    events = entries([event("recorded well")], newest_first=False).events
    async with other.running():
        with closing(History(path)) as history:
            for base_url, job_id in (
                (f"{other.origin}/v1", "elsewhere"),
                (f"{other.origin}/v1", "../../admin"),
                (f"{other.origin}/../v1", "upwards"),
                (f"{other.origin}/v1", "\x1b]0;owned\x07"),
            ):
                history.record([Update(JobKey(base_url, job_id), NOW, tuple(events))])
        async with stage(echoing(), job_id=None, size=(120, 40), history=path, key=KEY) as seen:
            await seen.until_shown("1 job listed by the service, 1 run recorded here")
            assert "admin" not in seen.text
            assert "upwards" not in seen.text
            assert "owned" not in seen.text
            await seen.press(*"../../admin", "enter")
            assert "This is no job id" in seen.text
            await seen.press(*["backspace"] * 11, *"elsewhere", "down", "enter")
            await seen.until_shown("recorded well")
            await seen.until_shown("■ recorded")
            await seen.press("r", "x", "y")
            assert "recorded well" in seen.text
        assert {request.target for request in seen.server.requests} == {JOBS}
    assert other.connections == 0
