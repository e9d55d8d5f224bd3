import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from ftmon.checks.check import Check, Mark
from ftmon.checks.facts import clock, key
from ftmon.checks.machine import history, terminal
from ftmon.checks.network import service_checks
from ftmon.history.inspection import inspect
from ftmon.history.store import History
from ftmon.settings import Key, Settings
from tests.command import FTMON, KEY, ftmon, objects
from tests.records import KEY as JOB_KEY
from tests.records import STORED, damage, record, told
from tests.servers.fine_tunes import (
    HTML,
    JOB,
    JOB_ID,
    STORY,
    STREAM,
    answer,
    head,
    job,
    page,
    refusal,
    stream,
)
from tests.servers.scripted import End, Script, Server, free_port
from tests.service import HOSTILE, Answer, Service
from tests.service import JOB as SERVED
from tests.service import JOB_ID as SERVED_ID
from tests.terminal import terminal as in_terminal
from tests.test_client import THIS_MACHINE, certificate, expired, speaking_tls
from tests.test_records import as_somebody

pytestmark = pytest.mark.slow

LIST = "/v1/fine-tunes"


async def checks(settings: Settings, job_id: str | None = JOB_ID, remembered: str = "") -> dict[str, Check]:
    """Return what is found on the way to a service, by name."""
    return {check.name: check async for check in service_checks(settings, job_id, remembered)}


@asynccontextmanager
async def serving(**scripts: list[Script]) -> AsyncIterator[Settings]:
    targets = {"job": JOB, "stream": STREAM, "jobs": LIST}
    server = Server({targets[name]: script for name, script in scripts.items()})
    async with server.running():
        yield Settings(f"{server.origin}/v1")


async def test_a_service_that_is_right_has_no_other_mark() -> None:
    async with serving(job=[answer(job())], stream=[stream(*STORY[:2], End.HANG)]) as settings:
        found = await checks(settings)
    assert {check.mark for check in found.values()} == {Mark.GOOD}
    assert list(found) == ["proxy", "DNS", "TLS", "API", "events", "clock"]
    why = f"asked /fine-tunes/{JOB_ID}, and the answer is a job"
    assert found["API"].text == f"fine-tunes, {why}; the job's status is running"
    assert found["events"].text == "a stream, each event as it happens"


async def test_without_a_job_the_list_of_jobs_is_asked_for() -> None:
    async with serving(jobs=[answer({"data": [job()]})]) as settings:
        found = await checks(settings, None)
    assert found["API"].text == "fine-tunes, asked /fine-tunes, which lists jobs; 1 job listed"
    assert found["events"].text == "a stream, once it is open"


async def test_what_the_history_remembers_is_the_reason_that_is_told() -> None:
    async with serving(job=[answer(job())], stream=[page(*STORY)]) as settings:
        found = await checks(settings, remembered="fine-tunes")
    assert found["API"].text.startswith("fine-tunes, by what the history remembers")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (page(*STORY), "the service answers with its list"),
        (answer(HTML, kind="text/html"), "a web page comes instead"),
        (refusal(404, "No stream here"), "The service knows no such job (404): No stream here"),
        (answer(b""), "a stream"),
        ([End.RST], "127.0.0.1"),
    ],
    ids=["list", "page", "refused", "empty", "reset"],
)
async def test_a_stream_that_cannot_be_read_is_told_with_its_reason(script: Script, why: str) -> None:
    async with serving(job=[answer(job())], stream=[script]) as settings:
        found = await checks(settings)
    assert why in found["events"].text
    assert found["events"].mark is (Mark.GOOD if why == "a stream" else Mark.DOUBT)


async def test_a_stream_that_brings_nothing_is_not_waited_for_long() -> None:
    async with serving(job=[answer(job())], stream=[[head(), End.HANG]]) as settings:
        found = await checks(settings)
    assert found["events"].text == "a list, read about every 5 s; no stream: it brings nothing in 5 s"


async def test_an_api_without_a_stream_says_so() -> None:
    fields = {"object": "fine_tuning.job", "id": JOB_ID, "status": "running"}
    server = Server({f"/v1/fine_tuning/jobs/{JOB_ID}": [answer(fields)]})
    async with server.running():
        found = await checks(Settings(f"{server.origin}/v1"))
    assert found["events"].text == "a list, read about every 5 s: this API has no stream"


@pytest.mark.parametrize(
    ("script", "words", "advice"),
    [
        (
            refusal(401, "Incorrect API key"),
            "does not accept the key (401): Incorrect API key. The key came from OPENAI",
            "",
        ),
        (refusal(404, "Gone"), "knows no such job (404): Gone. Is the id right", ""),
        (answer(HTML, 500, "text/html"), "the service answers 500", "try again later"),
        (answer(HTML, kind="text/html"), "the answer is not a job", "is the base URL right?"),
        ([End.RST], "127.0.0.1", "is the base URL right?"),
    ],
    ids=["key", "job", "error", "page", "reset"],
)
async def test_an_answer_that_is_none_is_wrong_and_told(script: Script, words: str, advice: str) -> None:
    async with serving(job=[script]) as settings:
        found = await checks(Settings(settings.base_url, Key("sk-0123456789", "OPENAI_API_KEY")))
    assert (found["API"].mark, found["API"].advice) == (Mark.BAD, advice)
    assert words in found["API"].text


async def test_an_id_that_is_none_of_the_provider_is_a_finding() -> None:
    found = await checks(Settings("http://127.0.0.1:1", provider="hugging-face"))
    assert found["API"].mark is Mark.BAD
    assert found["API"].text == "This is no job id of this service: its ids have another form."
    assert found["API"].advice == "is the base URL right, and the provider hugging-face?"
    assert "clock" in found


async def test_a_service_without_a_list_of_jobs_may_still_be_right() -> None:
    async with serving() as settings:
        found = await checks(settings, None)
    assert (found["API"].mark, found["API"].advice) == (Mark.DOUBT, "give a job: ftmon doctor JOB")


async def test_what_cannot_be_reached_is_wrong_and_what_follows_is_not_tried() -> None:
    with closing(free_port()) as port:
        secure = await checks(Settings(f"https://127.0.0.1:{port.getsockname()[1]}/v1"))
        plain = await checks(Settings(f"http://127.0.0.1:{port.getsockname()[1]}/v1"))
    unknown = await checks(Settings("https://no-such-host.invalid/v1"))
    assert (secure["TLS"].mark, plain["API"].mark, unknown["DNS"].mark) == (Mark.BAD,) * 3
    assert "connection refused" in secure["TLS"].text
    assert secure["API"].text == unknown["API"].text == "not known: the service cannot be reached"


@pytest.mark.parametrize("hours", [-3, 3])
async def test_a_clock_that_is_hours_away_is_told(hours: int) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours, minutes=1), usegmt=True)
    async with serving(jobs=[answer({"data": []}, Date=date)]) as settings:
        found = await checks(settings, None)
    word = "ahead of" if hours > 0 else "behind"
    assert found["clock"].mark is Mark.DOUBT
    assert f" {word} this machine's; ages are counted by its own" in found["clock"].text


@pytest.mark.parametrize(
    ("skew", "mark", "text"),
    [
        (None, Mark.GOOD, "not known: no answer told the time"),
        (0.0, Mark.GOOD, "as this machine's"),
        (-12.5, Mark.GOOD, "12s behind this machine's"),
        (
            3725.0,
            Mark.DOUBT,
            "the service's is 1h 02m ahead of this machine's; ages are counted by its own",
        ),
    ],
)
def test_a_clock_is_told_in_words(skew: float | None, mark: Mark, text: str) -> None:
    assert clock(skew)[1:3] == (mark, text)


async def test_a_certificate_is_told_with_its_name_and_the_days_that_are_left(tmp_path: Path) -> None:
    path = certificate(tmp_path, *THIS_MACHINE, "-days", "90")
    server = Server({JOB: [answer(job())], STREAM: [page(*STORY)]})
    async with server.running(tls=speaking_tls(path)):
        found = await checks(Settings(f"https://127.0.0.1:{server.port}/v1", ca_file=path))
    assert found["TLS"] == Check("TLS", Mark.GOOD, "TLSv1.3, certificate of test, 89 days left")
    assert found["API"].mark is Mark.GOOD


@pytest.mark.parametrize(
    ("make", "mark", "words"),
    [
        (lambda folder: certificate(folder, *THIS_MACHINE, "-days", "9"), Mark.DOUBT, "8 days left"),
        (expired, Mark.BAD, "certificate has expired"),
        (
            lambda folder: certificate(folder, "-addext", "subjectAltName=IP:127.0.0.2"),
            Mark.BAD,
            "IP address mismatch",
        ),
    ],
    ids=["soon over", "over", "another name"],
)
async def test_a_certificate_that_is_wrong_is_told(
    tmp_path: Path, make: Callable[[Path], Path], mark: Mark, words: str
) -> None:
    path = make(tmp_path)
    server = Server({JOB: [answer(job())], STREAM: [page(*STORY)]})
    async with server.running(tls=speaking_tls(path)):
        found = await checks(Settings(f"https://127.0.0.1:{server.port}/v1", ca_file=path))
    assert found["TLS"].mark is mark
    assert words in found["TLS"].text
    assert (len(server.requests) > 0) is (mark is not Mark.BAD)


async def test_a_service_that_speaks_no_tls_is_told() -> None:
    with Service().running() as service:
        found = await checks(Settings(service.base_url.replace("http:", "https:")))
    assert found["TLS"].mark is Mark.BAD
    assert found["TLS"].advice == "is it plain http://?"


def test_a_history_is_looked_at_and_left_as_it_is(data_home: Path) -> None:
    path = data_home / "ftmon" / "history.sqlite3"
    assert history("x")[0].text == f"{path}: nothing is recorded yet"
    assert not data_home.exists()
    path.parent.mkdir(parents=True)
    record(path, told(STORED[0], dialect="together"))
    path.chmod(0o644)
    before = path.read_bytes(), sorted(path.parent.iterdir())
    check, dialect = history(JOB_KEY.service)
    assert (check.mark, dialect) == (Mark.GOOD, "together")
    assert check.text.startswith(f"{path}: 1 run, ")
    assert check.text.endswith("kB, sound")
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == before
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_history_that_is_in_use_is_read_beside_its_user(data_home: Path) -> None:
    path = data_home / "ftmon" / "history.sqlite3"
    path.parent.mkdir(parents=True)
    with closing(History(path)) as user:
        user.record([told(STORED[0])])
        assert history("x")[0].text.startswith(f"{path}: 1 run, ")
        user.record([told(STORED[1])])


def test_an_old_history_is_read_without_a_migration(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    path.write_bytes((Path(__file__).parent / "samples" / "history_v1.sqlite3").read_bytes())
    before = path.read_bytes()
    assert inspect(path, "x", 10).runs > 0
    assert path.read_bytes() == before


def test_a_damaged_history_is_wrong(data_home: Path) -> None:
    path = data_home / "ftmon" / "history.sqlite3"
    path.parent.mkdir(parents=True)
    record(path, told(*STORED))
    damage(path)
    check, _ = history("x")
    assert check.mark is Mark.BAD
    assert check.text.startswith(f"{path} is damaged: ")
    path.unlink()
    path.mkdir()
    assert history("x")[0].text == f"{path}: it is not a file"


def test_a_check_of_a_large_history_is_bounded_in_time(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    record(path, told(STORED[0]))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "INSERT INTO events SELECT value + 10, 1, value, 1, 0, hex(zeroblob(20)) "
            "FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 20000) "
            "SELECT value FROM n)"
        )
    assert not inspect(path, "x", 0.0).is_checked
    assert inspect(path, "x", 30.0).is_checked


def test_without_a_terminal_there_is_no_screen() -> None:
    done = ftmon("doctor", "--base-url", "http://127.0.0.1:1/v1")
    assert "! terminal  none here → the screen needs one; lines are printed instead\n" in done.stdout.decode()


@pytest.mark.parametrize(
    ("variables", "columns", "line"),
    [
        ({}, 80, "✔ terminal  xterm-256color · 80×24 · 256 colours · UTF-8"),
        ({"COLORTERM": "truecolor", "TMUX": "/tmp/x,1,0"}, 90, "90×24 · 16 million colours · UTF-8 · tmux"),
        ({"NO_COLOR": "1"}, 80, "✔ terminal  xterm-256color · 80×24 · no colours (NO_COLOR) · UTF-8"),
        ({"PYTHONIOENCODING": "latin-1"}, 80, "! terminal"),
    ],
    ids=str,
)
def test_a_terminal_is_told_as_it_is(variables: dict[str, str], columns: int, line: str) -> None:
    command = [*FTMON, "doctor", "--base-url", "http://127.0.0.1:1/v1"]
    unset = {"NO_COLOR": "", "COLORTERM": "", "TMUX": ""}
    with in_terminal(command, columns, 24, **{**unset, **variables}) as seen:
        seen.wait()
        assert line in seen.text


@pytest.mark.parametrize("name", ["dumb", "", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_is_told(name: str) -> None:
    assert terminal({"TERM": name}).mark is Mark.DOUBT


def test_the_command_prints_a_line_for_each_check_and_no_key() -> None:
    with Service().running() as service:
        service.succeed()
        done = ftmon("doctor", SERVED_ID, *service.options, env={"OPENAI_API_KEY": KEY})
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("✔ config    ")
    assert lines[1:4] == [
        f"✔ service   {service.base_url} (--base-url)",
        "✔ key       from OPENAI_API_KEY",
        "✔ proxy     none",
    ]
    assert [line.split()[1] for line in lines[4:]] == [
        "DNS",
        "TLS",
        "API",
        "events",
        "clock",
        "terminal",
        "notify",
        "history",
    ]
    assert (done.returncode, done.stderr) == (0, b"")


def test_json_has_an_object_for_each_check() -> None:
    with Service().running() as service:
        service.answers[SERVED] = iter([Answer(401, b'{"error": {"message": "No"}}')])
        done = ftmon("doctor", SERVED_ID, "--json", *service.options)
    found = {check["name"]: check for check in objects(done.stdout)}
    assert list(found["service"]) == ["object", "name", "state", "text", "advice"]
    assert (found["service"]["state"], found["api"]["state"]) == ("good", "bad")
    assert done.returncode == 1


def test_what_a_service_says_is_made_safe() -> None:
    with Service().running() as service:
        body = json.dumps({"error": {"message": HOSTILE}}).encode()
        for form in ("--json", "--base-url"):
            service.answers[SERVED] = iter([Answer(403, body)])
            options = service.options if form == "--json" else ()
            # `ftmon` checks that the output has no control characters.
            done = ftmon("doctor", SERVED_ID, form, *(options or service.options[1:]))
            assert done.returncode == 1


@pytest.mark.parametrize("arguments", [["../x"], ["a", "b"], ["--no-such-option"], ["--timeout"]], ids=str)
def test_a_mistake_in_the_command_line_is_no_finding(arguments: list[str]) -> None:
    done = ftmon("doctor", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"FTMON_BASE_URL": "ftp://x"}, ["service"]),
        ({"FTMON_API_KEY": KEY, "FTMON_BASE_URL": "http://service.example/v1"}, ["service"]),
        (
            {"OPENAI_API_KEY": "two words", "FTMON_BASE_URL": "http://127.0.0.1:1/v1"},
            ["config", "service", "key"],
        ),
    ],
    ids=str,
)
def test_settings_that_cannot_be_used_are_a_finding(variables: dict[str, str], names: list[str]) -> None:
    done = ftmon("doctor", env=variables)
    lines = done.stdout.decode().splitlines()
    assert [line.split()[1] for line in lines] == [*names, "terminal", "notify", "history"]
    assert lines[len(names) - 1].startswith("✘ ")
    assert done.returncode == 1


def test_a_config_file_is_told_with_its_profile(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    profile = '[profiles.work]\nbase_url = "http://127.0.0.1:1/v1"\ncolour = 1\n'
    file.write_text(f'default_profile = "work"\n{profile}')
    done = ftmon("doctor", env={"FTMON_CONFIG": str(file)})
    lines = done.stdout.decode().splitlines()
    assert lines[0] == f"✔ config    {file}, profile work"
    assert lines[1] == "✔ service   http://127.0.0.1:1/v1 (the profile work)"
    assert lines[2].startswith("! notice    ")
    file.write_text("[profiles")
    broken = ftmon("doctor", env={"FTMON_CONFIG": str(file)})
    assert broken.stdout.decode().startswith("✘ service   ")
    assert str(file) in broken.stdout.decode()


@pytest.mark.parametrize(
    ("settings", "mark", "advice"),
    [
        (Settings("https://api.together.ai/v1"), Mark.DOUBT, "this service takes that of TOGETHER_API_KEY"),
        (Settings("https://gpu-box.example/v1", provider="mistral"), Mark.DOUBT, "MISTRAL_API_KEY"),
        (Settings("https://gpu-box.example/v1"), Mark.GOOD, ""),
        (Settings("http://127.0.0.1:8080", provider="localai"), Mark.GOOD, ""),
        (Settings("https://api.openai.com/v1"), Mark.BAD, ""),
    ],
    ids=str,
)
def test_a_key_that_a_provider_wants_is_missed(settings: Settings, mark: Mark, advice: str) -> None:
    check = key(settings)
    assert check.mark is mark
    assert check.advice.endswith(advice)


def test_a_missing_key_is_told_before_any_request() -> None:
    done = ftmon("doctor")
    assert "✘ key       api.openai.com wants a key. Set OPENAI_API_KEY" in done.stdout.decode()
    assert "! API       not known: no request can be made\n" in done.stdout.decode()
    assert done.returncode == 1


async def test_behind_a_proxy_its_name_is_resolved_and_the_service_is_asked_through_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server({"http://service.example/v1/fine-tunes": [answer({"data": [job()]})]})
    async with server.running():
        for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", server.origin)
        found = await checks(Settings("http://service.example/v1"), None)
    assert found["proxy"].text == f"127.0.0.1:{server.port}"
    assert found["DNS"].text == "127.0.0.1"
    assert (found["TLS"].mark, found["API"].mark) == (Mark.DOUBT, Mark.GOOD)


def test_the_password_of_a_proxy_is_not_told() -> None:
    proxied = {"HTTPS_PROXY": "http://someone:Zx9Kq7Wv-password@127.0.0.1:1", "NO_PROXY": ""}
    done = ftmon("doctor", "--base-url", "https://service.example/v1", env=proxied)
    assert "✔ proxy     127.0.0.1:1\n" in done.stdout.decode()
    broken = ftmon(
        "doctor",
        "--base-url",
        "https://service.example/v1",
        env={"HTTPS_PROXY": "http://someone:Zx9Kq7Wv-password@127.0.0.1:x", "NO_PROXY": ""},
    )
    assert "✘ proxy     it cannot be used → mend HTTPS_PROXY" in broken.stdout.decode()


def test_the_doctor_needs_no_home() -> None:
    done = as_somebody("doctor", "--base-url", "http://127.0.0.1:1/v1")
    assert "! history   nothing is recorded: there is no home directory" in done.stdout.decode()
    assert done.returncode == 1
