import json
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from ftmon.serving.api import Api
from ftmon.serving.apis import APIS
from ftmon.serving.apis.fine_tuning_jobs import FINE_TUNING_JOBS
from ftmon.serving.apis.hugging_face_jobs import HUGGING_FACE_JOBS
from ftmon.serving.apis.mistral import MISTRAL
from ftmon.serving.apis.together import TOGETHER
from tests.serving.story import Story, client

SAMPLES = Path(__file__).parent.parent / "samples"
every_api = pytest.mark.parametrize("api", APIS.values(), ids=list(APIS))


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text())


def path_of(api: Api, story: Story, *more: str) -> str:
    return "/".join([f"{api.base}{api.path}", api.job_id(story.job), *more])


def ran() -> Story:
    story = Story()
    story.run()
    return story


def succeeded() -> Story:
    story = ran()
    story.succeed()
    return story


async def answered(story: Story, path: str, method: str = "GET", **params: Any) -> httpx.Response:
    async with client(story) as asked:
        return await asked.request(method, path, params=params or None)


async def body(story: Story, path: str, **params: Any) -> Any:
    return (await answered(story, path, **params)).json()


def frames(text: str) -> list[Any]:
    return [json.loads(frame.removeprefix("data: ")) for frame in text.split("\n\n")[:-1]]


# Every API


@every_api
async def test_a_job_is_read_and_listed_under_one_id(api: Api) -> None:
    story = succeeded()
    job = await body(story, path_of(api, story))
    listed = await body(story, f"{api.base}{api.path}")
    (same,) = listed if isinstance(listed, list) else listed["data"]
    assert job["id"] == same["id"] == api.job_id(story.job)
    assert same.items() <= job.items()


@every_api
async def test_an_unknown_job_is_refused_everywhere_in_the_shape_of_the_api(api: Api) -> None:
    story = ran()
    streams = [api.stream.path] if api.stream else []
    async with client(story) as asked:
        unknown = f"{api.base}{api.path}/123"
        answers = [await asked.get(f"{unknown}/{name}") for name in {*api.lists, *streams}]
        answers += [await asked.post(f"{unknown}/{action}") for action in api.actions]
        answers.append(await asked.get(unknown))
    for answer in answers:
        assert (answer.status_code, answer.json()) == (404, api.error(api.not_found("123")))


@every_api
async def test_a_job_is_cancelled_once(api: Api) -> None:
    story = ran()
    cancelled = await answered(story, path_of(api, story, "cancel"), "POST")
    assert story.job.status == "cancelled"
    assert cancelled.json() == await body(story, path_of(api, story))
    again = await answered(story, path_of(api, story, "cancel"), "POST")
    assert again.status_code == 400
    assert f'{api.job_id(story.job)} that already has status "cancelled"' in again.text.replace("\\", "")


@every_api
async def test_every_answer_of_a_failed_job_is_json_and_says_why(api: Api) -> None:
    story = ran()
    story.fail()
    parts = [*api.lists, *([api.stream.path] if api.stream else [])]
    answers = [await answered(story, path_of(api, story, *part)) for part in [(), *((p,) for p in parts)]]
    assert all(answer.status_code == 200 for answer in answers)
    # Mistral tells no reason.
    assert api is MISTRAL or any("The training has diverged." in answer.text for answer in answers)


@every_api
async def test_a_job_that_only_begins_has_empty_lists(api: Api) -> None:
    story = Story()
    for name in api.lists:
        (entries,) = (
            v for v in (await body(story, path_of(api, story, name))).values() if isinstance(v, list)
        )
        assert entries == []
    assert (await body(story, path_of(api, story)))["id"] == api.job_id(story.job)


@every_api
async def test_only_an_api_that_can_pause_has_the_routes(api: Api) -> None:
    story = ran()
    path = path_of(api, story, "pause")
    async with client(story) as asked:
        statuses = [(await asked.post(path)).status_code, (await asked.post(path)).status_code]
    assert statuses == ([200, 400] if api is FINE_TUNING_JOBS else [404, 404])


async def test_two_jobs_are_told_apart_on_every_route() -> None:
    stories = [Story(), Story(UUID(int=7))]
    stories[0].run()
    stories[1].tell("the other one")
    async with client(*stories) as asked:
        for api in APIS.values():
            for story in stories:
                job = (await asked.get(path_of(api, story))).json()
                assert job["id"] == api.job_id(story.job)
            listed = (await asked.get(f"{api.base}{api.path}")).json()
            jobs = listed if isinstance(listed, list) else listed["data"]
            assert {job["id"] for job in jobs} == {api.job_id(story.job) for story in stories}


# OpenAI's second API


async def test_the_second_apis_objects_have_the_fields_of_the_recorded_ones() -> None:
    story = succeeded()
    job = await body(story, path_of(FINE_TUNING_JOBS, story))
    assert list(job) == list(sample("openai_job_succeeded.json"))
    events = await body(story, path_of(FINE_TUNING_JOBS, story, "events"))
    recorded = sample("openai_jobs_events_started.json")
    assert list(events) == list(recorded)
    assert all(list(event) == list(recorded["data"][0]) for event in events["data"])
    checkpoints = await body(story, path_of(FINE_TUNING_JOBS, story, "checkpoints"))
    recorded = sample("openai_checkpoints.json")
    assert checkpoints.keys() == recorded.keys()
    assert all(each.keys() == recorded["data"][0].keys() for each in checkpoints["data"])


async def test_the_second_api_tells_figures_beside_the_message() -> None:
    story = succeeded()
    events = (await body(story, path_of(FINE_TUNING_JOBS, story, "events")))["data"]
    metrics = [event["data"] for event in reversed(events) if event["type"] == "metrics"]
    assert [(each["step"], each["train_loss"], each.get("valid_loss")) for each in metrics] == [
        *[(1, 2.5, None), (2, 2.25, 2.5), (3, 2.125, None), (4, 2.0, 2.25)]
    ]
    messages = [event for event in events if event["type"] == "message"]
    assert len(messages) + len(metrics) == len(story.job.events)
    assert all(event["data"] == {} for event in messages)


@pytest.mark.parametrize("name", ["events", "checkpoints"])
@pytest.mark.parametrize("limit", [1, 2, 3, 9, 100, 10**6])
async def test_pages_lead_through_a_list_newest_first(name: str, limit: int) -> None:
    story = succeeded()
    path = path_of(FINE_TUNING_JOBS, story, name)
    whole = (await body(story, path, limit=100))["data"]
    assert whole == sorted(whole, key=lambda entry: entry["created_at"], reverse=True)
    pages = [await body(story, path, limit=limit)]
    while pages[-1]["has_more"]:
        pages.append(await body(story, path, limit=limit, after=pages[-1]["data"][-1]["id"]))
    assert list(chain.from_iterable(page["data"] for page in pages)) == whole
    assert all(len(page["data"]) <= limit for page in pages)
    assert len({entry["id"] for entry in whole}) == len(whole) > 0


async def test_an_events_id_stays_while_more_come() -> None:
    story = ran()
    path = path_of(FINE_TUNING_JOBS, story, "events")
    before = (await body(story, path))["data"]
    story.succeed()
    assert (await body(story, path))["data"][1:] == before


@pytest.mark.parametrize("limit", ["0", "-1", "", "many", "1.5", "²", "1" * 5000])
async def test_a_wrong_limit_is_refused(limit: str) -> None:
    story = ran()
    answer = await answered(story, path_of(FINE_TUNING_JOBS, story, "events"), limit=limit)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "limit")


async def test_an_unknown_cursor_is_refused() -> None:
    story = ran()
    answer = await answered(story, path_of(FINE_TUNING_JOBS, story, "events"), after="\x1b[31mx")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "after")


async def test_a_paused_job_is_resumed() -> None:
    story = ran()
    paused = await answered(story, path_of(FINE_TUNING_JOBS, story, "pause"), "POST")
    assert paused.json()["status"] == "paused"
    resumed = await answered(story, path_of(FINE_TUNING_JOBS, story, "resume"), "POST")
    assert resumed.json()["status"] == "running"


async def test_a_job_in_the_queue_cannot_be_paused() -> None:
    story = Story()
    answer = await answered(story, path_of(FINE_TUNING_JOBS, story, "pause"), "POST")
    assert answer.status_code == 400


# Together


async def test_togethers_metrics_are_rows_and_no_events() -> None:
    story = succeeded()
    job, events, metrics, checkpoints = [
        await body(story, path_of(TOGETHER, story, *part))
        for part in ((), ("events",), ("metrics",), ("checkpoints",))
    ]
    assert events == {"data": job["events"]}
    types = [event["type"] for event in job["events"]]
    assert types == ["job_pending", "training_start", "epoch_complete", "epoch_complete", "job_complete"]
    recorded = sample("together_metrics_docs_illustrative.json")["metrics"]
    trained, evaluated = recorded[0].keys() - {"train/grad_norm", "train/learning_rate"}, recorded[-1].keys()
    rows = metrics["metrics"]
    assert [row["train/global_step"] for row in rows] == [1, 2, 2, 3, 4, 4]
    assert [row.keys() for row in rows] == [trained, trained, evaluated, trained, trained, evaluated]
    assert [row.get("train/loss", row.get("eval/loss")) for row in rows] == [2.5, 2.25, 2.5, 2.125, 2.0, 2.25]
    assert rows[0]["timestamp"] == 1769860802250000000
    assert [each["step"] for each in checkpoints["data"]] == [2, 4]
    assert job["created_at"] == "2026-01-31T12:00:00.250Z"
    assert (job["status"], job["epochs_completed"]) == ("completed", 2)


# Mistral


async def test_a_mistral_job_has_its_changes_of_status_and_checkpoints_inside() -> None:
    story = succeeded()
    job = await body(story, path_of(MISTRAL, story))
    recorded = sample("mistral_job_success.json")
    assert job.keys() == recorded.keys() | {"auto_start"}
    assert [list(event) for event in job["events"]] == [list(event) for event in recorded["events"]]
    assert [event["data"]["status"] for event in job["events"]] == ["SUCCESS", "RUNNING", "QUEUED"]
    assert [each.keys() for each in job["checkpoints"]] == [recorded["checkpoints"][0].keys()] * 2
    assert [each["step_number"] for each in job["checkpoints"]] == [4, 2]


async def test_a_pause_is_no_change_where_the_api_knows_none() -> None:
    story = ran()
    story.pause()
    story.resume()
    job = await body(story, path_of(MISTRAL, story))
    assert [event["data"]["status"] for event in job["events"]] == ["RUNNING", "QUEUED"]
    for api in (TOGETHER, HUGGING_FACE_JOBS):
        assert "paused" not in json.dumps((await body(story, path_of(api, story)))["status"]).lower()


# Hugging Face Jobs


async def test_a_hugging_face_job_has_the_documented_fields() -> None:
    story = succeeded()
    job = await body(story, path_of(HUGGING_FACE_JOBS, story))
    assert job.keys() - {"finishedAt"} == sample("hf_jobs_job_running_docs.json").keys() - {"durations"}
    assert job["status"] == {"stage": "COMPLETED", "message": None}
    who = await body(story, "/api/whoami-v2")
    assert who["name"] == job["owner"]["name"]


async def test_the_log_begins_with_its_banner_and_ends_without_a_word() -> None:
    story = succeeded()
    answer = await answered(story, path_of(HUGGING_FACE_JOBS, story, "logs"))
    assert answer.headers["content-type"] == "text/event-stream"
    banner, *lines = frames(answer.text)
    (recorded, *_) = frames((SAMPLES / "hf_jobs_logs_tail4.sse").read_text())
    assert list(banner) == list(recorded)
    assert banner["data"] == "===== Job started at 2026-01-31 12:00:00 ====="
    assert [line["data"] for line in lines] == [event.message for event in story.job.events]
    assert lines[-1]["timestamp"] == "2026-01-31T12:00:08.250Z"


@pytest.mark.parametrize(
    ("tail", "count"), [("0", 0), ("2", 2), ("100", 9), ("", 9), ("-1", 9), ("9" * 5000, 9)]
)
async def test_a_tail_has_the_banner_and_the_last_lines(tail: str, count: int) -> None:
    story = succeeded()
    answer = await answered(story, path_of(HUGGING_FACE_JOBS, story, "logs"), tail=tail)
    _, *lines = frames(answer.text)
    messages = [event.message for event in story.job.events]
    assert [line["data"] for line in lines] == messages[len(messages) - count :]


@pytest.mark.parametrize("path", ["/v1/fine-tunes/{}/events?stream=true", "/api/jobs/ftmon/{}/logs"])
async def test_the_head_of_a_stream_does_not_wait_for_its_end(path: str) -> None:
    story = ran()
    job_id = "0123456789abcdef01234567"
    path = path.format(job_id if path.startswith("/api") else f"ft-{job_id}")
    answer = await answered(story, path, "HEAD")
    assert (answer.status_code, answer.text) == (200, "")
    assert answer.headers["content-type"] == "text/event-stream"


ERRORS: Mapping[str, set[str]] = {
    "fine-tunes": {"error"},
    "fine-tuning-jobs": {"error"},
    "together": {"error"},
    "mistral": set(sample("errors.json")["mistral_429"]["body"]) - {"raw_status_code"},
    "hugging-face": {"error"},
}


@every_api
def test_an_error_has_the_shape_of_the_api(api: Api) -> None:
    error = api.error(api.not_found("123"))
    assert set(error) == ERRORS[api.name]
    if api.name in ("fine-tunes", "fine-tuning-jobs"):
        assert error == sample("errors.json")["openai_404_job_not_found"]["body"]
