from contextlib import aclosing
from pathlib import Path

import pytest

from ftmon.errors import RefusedError, UnreachableError
from ftmon.history.store import History
from ftmon.model.key import JobKey
from ftmon.settings import Settings
from ftmon.settings.choice import Options, choose
from ftmon.wire.choosing import Candidates, find_job, find_jobs
from ftmon.wire.client import Client
from ftmon.wire.dialects import candidates
from ftmon.wire.dialects.dialect import JobAnswer, JobPage
from ftmon.wire.service import UNREADABLE, Service
from tests.front_end import watching
from tests.records import KEY, STORED, record, told
from tests.servers.case import Case
from tests.servers.fine_tunes import DONE, HTML, JOB, JOB_ID, STORY, STREAM, answer, job, stream
from tests.servers.scripted import Server
from tests.servers.services import CASES, DASHSCOPE_ID, MISTRAL_DONE, MISTRAL_ID, TOGETHER_ID, TOGETHER_JOB

HEXADECIMAL = "687fb701029421ae5549d998"
"""An id that every API may have."""


async def found(
    server: Server, job_id: str, *, path: str = "/v1", provider: str = "auto", remembered: str = ""
) -> tuple[Service, JobAnswer | RefusedError]:
    settings = Settings(f"{server.origin}{path}", provider=provider)
    async with aclosing(Client(settings)) as client:
        return await find_job(client, Candidates.of(settings, remembered), job_id)


WHY = {
    "Together": f"asked /fine-tunes/{TOGETHER_ID}, and the answer has model_output_name",
    "Mistral": f"asked /fine_tuning/jobs/{MISTRAL_ID}, and the answer has the object job",
    "DashScope": f"asked /fine-tunes/{DASHSCOPE_ID}, and the answer has output",
    "Replicate": f"asked /trainings/{CASES['Replicate'].job_id}, and the answer is a job",
}


@pytest.mark.parametrize(("case", "why"), [(CASES[name], why) for name, why in WHY.items()], ids=WHY)
async def test_it_is_told_what_was_asked_and_which_field_tells_the_api(case: Case, why: str) -> None:
    server = case.server()
    async with server.running():
        service, _ = await found(server, case.job_id, path=case.base)
    assert (service.dialect.name, service.why) == (case.dialect, why)


@pytest.mark.parametrize("remembered", ["", "together", "mistral"])
async def test_a_provider_that_is_named_decides_alone(remembered: str) -> None:
    server = Server({f"/v1/fine-tunes/{TOGETHER_ID}": [answer(TOGETHER_JOB)]})
    async with server.running():
        service, _ = await found(server, TOGETHER_ID, provider="together", remembered=remembered)
        _, refusal = await found(server, "ft-1", provider="together")
    assert service.why == "by together"
    assert str(refusal).endswith(" Asked for at /fine-tunes/ft-1.")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (Options(provider="together"), "by --provider together"),
        (Options(environ={"TOGETHER_API_KEY": "k"}), "by TOGETHER_API_KEY, the only key in the environment"),
        (Options(base_url="https://api.together.ai/v1"), "by the host api.together.ai"),
        (Options(base_url="https://gpu-box.example/v1"), ""),
        (Options(), "by the host api.openai.com"),
    ],
    ids=str,
)
def test_it_is_told_what_names_a_provider(options: Options, why: str) -> None:
    options.setdefault("environ", {})
    assert Candidates.of(choose(**options).settings).why == why


def test_a_profile_may_name_a_provider(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[profiles.work]\nprovider = "together"\n')
    chosen = choose(profile="work", environ={"FTMON_CONFIG": str(file)})
    assert Candidates.of(chosen.settings).why == "by the profile work"


async def test_where_a_provider_has_two_apis_the_answer_decides_between_them() -> None:
    server = Server({JOB: [answer(job())]})
    async with server.running():
        service, _ = await found(server, JOB_ID, provider="fine-tunes")
        again, _ = await found(server, JOB_ID, provider="fine-tunes", remembered="fine-tunes")
    assert service.why == f"by fine-tunes, asked /fine-tunes/{JOB_ID}, and the answer is a job"
    assert again.why == "by fine-tunes, by what the history remembers"


@pytest.mark.parametrize(
    ("host", "why", "first"),
    [
        ("api.together.ai", "by the host api.together.ai", "together"),
        ("eu.api.mistral.ai", "by the host eu.api.mistral.ai", "mistral"),
        ("gpu-box.example", "", candidates("auto")[0].name),
    ],
)
def test_a_known_host_decides(host: str, why: str, first: str) -> None:
    candidates = Candidates.of(Settings(f"https://{host}/v1"))
    assert (candidates.why, candidates.dialects[0].name) == (why, first)


def names(candidates: Candidates) -> list[str]:
    return [dialect.name for dialect in candidates.dialects]


def test_what_the_history_remembers_of_an_address_goes_first() -> None:
    settings = Settings("https://gpu-box.example/v1")
    candidates = Candidates.of(settings, "replicate")
    assert names(candidates)[0] == "replicate"
    assert sorted(names(candidates)) == sorted(names(Candidates.of(settings)))
    # One address may serve several APIs, which share a path.
    assert names(Candidates.of(Settings("https://gpu-box.example"), "fine-tuning-jobs"))[:2] == [
        "mistral",
        "fine-tuning-jobs",
    ]


def test_the_history_goes_before_the_host_and_a_provider_that_is_named_before_the_history() -> None:
    own = Settings("https://api.together.ai/v1")
    assert names(Candidates.of(own, "fine-tuning-jobs")) == ["fine-tuning-jobs", "together"]
    # The host is no reason for what only the history tells.
    assert Candidates.of(own, "fine-tuning-jobs").why == ""
    named = Settings("https://api.together.ai/v1", provider="together")
    assert names(Candidates.of(named, "fine-tuning-jobs")) == ["together"]
    assert Candidates.of(named, "fine-tuning-jobs").remembered == ""
    assert names(Candidates.of(own, "a later one")) == ["together"]


async def test_a_remembered_path_is_asked_alone_and_its_answer_still_decides() -> None:
    server = Server({f"/v1/fine_tuning/jobs/{MISTRAL_ID}": [answer(MISTRAL_DONE)]})
    async with server.running():
        first, _ = await found(server, MISTRAL_ID, remembered="mistral")
        second, _ = await found(server, MISTRAL_ID, remembered="fine-tuning-jobs")
    assert len(server.requests) == 2
    assert (first.dialect.name, first.why) == ("mistral", "by what the history remembers")
    assert (second.dialect.name, second.why) == ("mistral", WHY["Mistral"])


async def test_a_watcher_remembers_what_another_job_of_the_address_spoke(tmp_path: Path) -> None:
    path = f"/v1/fine_tuning/jobs/{MISTRAL_ID}"
    server, history = Server({path: [answer(MISTRAL_DONE)]}), tmp_path / "history.sqlite3"
    async with server.running():
        settings = Settings(f"{server.origin}/v1")
        other = JobKey(settings.base_url, "other")
        record(history, told(STORED[0], key=other, dialect="mistral"))
        async with watching(settings, history=history) as front_end:
            key = front_end.watch(MISTRAL_ID)
            await front_end.until_over()
            run = front_end.run(key)
    assert {request.target for request in server.requests} == {path}
    assert (run.dialect, run.why) == ("mistral", "by what the history remembers")


def test_the_history_tells_the_dialect_of_the_last_job_of_an_address(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    for number, dialect in enumerate(("together", "mistral", "")):
        record(path, told(STORED[0], key=KEY._replace(job_id=f"ft-{number}"), dialect=dialect))
    history = History(path)
    assert history.dialect_of(KEY.service) == "mistral"
    assert history.dialect_of("https://elsewhere.example") == ""
    history.close()


async def test_a_followed_job_tells_why_its_api_was_chosen() -> None:
    server = Server({JOB: [answer(job("succeeded"))], STREAM: [stream(*STORY, DONE)]})
    async with server.running(), watching(Settings(f"{server.origin}/v1")) as front_end:
        key = front_end.watch(JOB_ID)
        await front_end.until_over()
        assert front_end.run(key).why == f"asked /fine-tunes/{JOB_ID}, and the answer is a job"


async def first_page(settings: Settings) -> tuple[Service, JobPage]:
    async with aclosing(Client(settings)) as client:
        return await find_jobs(client, Candidates.of(settings))


async def test_the_list_of_jobs_tells_the_api_too() -> None:
    server = Server({"/v1/fine-tunes": [answer({"data": [TOGETHER_JOB]})]})
    async with server.running():
        service, page = await first_page(Settings(f"{server.origin}/v1"))
    assert ([each.id for each in page.jobs], service.dialect.name) == ([TOGETHER_ID], "together")
    assert service.why == "asked /fine-tunes, which lists jobs"


@pytest.mark.parametrize("job_id", [HEXADECIMAL, f"someone/{HEXADECIMAL}"])
async def test_a_service_gets_at_most_eight_requests_before_its_api_is_known(job_id: str) -> None:
    whoami = answer({"name": "someone"})
    server = Server({"/v1/api/whoami-v2": [whoami]})
    async with server.running():
        _, refusal = await found(server, job_id)
    assert isinstance(refusal, RefusedError)
    assert 1 < len(server.requests) <= 8
    assert all(request.target.removeprefix("/v1") in str(refusal) for request in server.requests)


async def test_a_service_that_lists_nothing_gets_at_most_eight_requests_and_each_is_told() -> None:
    server = Server({})
    async with server.running():
        with pytest.raises(RefusedError, match=r"^The service has no list of jobs \(404\)") as caught:
            await first_page(Settings(f"{server.origin}/v1"))
    assert 1 < len(server.requests) <= 8
    for request in server.requests:
        assert request.target.removeprefix("/v1").partition("?")[0] in str(caught.value)


async def test_a_web_page_at_each_path_that_a_server_does_not_know_hides_no_api() -> None:
    # As Unsloth Studio 2026-08-22 answers outside of `/api` and `/v1`.
    case = CASES["Unsloth Studio"]
    server = case.server(more={"/api/train/runs?limit=200": [answer({"runs": [], "total": 0})]})
    page = answer(HTML, kind="text/html")
    server.change = lambda target, script: script if target.startswith("/api/") else page
    async with server.running():
        settings = Settings(server.origin)
        service, _ = await found(server, case.job_id, path="")
        listing, _ = await first_page(settings)
        with pytest.raises(UnreachableError, match="the answer is not a job") as caught:
            await found(server, "ft-1", path="")
    assert service.dialect.name == listing.dialect.name == case.dialect
    assert caught.value.status == UNREADABLE


async def test_a_namespace_that_is_not_known_is_asked_for() -> None:
    server = Server({})
    async with server.running():
        settings = Settings(server.origin, provider="fireworks")
        _, refusal = await found(server, "my-tuning-job", path="", provider="fireworks")
        with pytest.raises(RefusedError) as caught:
            await first_page(settings)
    sentence = "The namespace (an account, a workspace) is not known: "
    ways = "set FIREWORKS_ACCOUNT_ID, or set namespace in a profile."
    assert str(refusal) == f"{sentence}give the id as NAMESPACE/ID, or {ways}"
    assert str(caught.value) == sentence + ways
    assert not server.requests
