"""Web pages about a job: what is taken of a service's answer, and what the screen makes of it."""

import asyncio
import json
from typing import Any

import pytest

from ftmon.model.link import Link, links, wandb_project
from ftmon.providers import page_at
from ftmon.wire.dialects import candidates
from tests.command import FTMON
from tests.servers.fine_tunes import JOB, JOB_ID, STORY, STREAM, answer, job, stream
from tests.servers.fine_tuning_jobs import sample
from tests.servers.scripted import End, Server
from tests.terminal import terminal
from tests.tui.stage import stage

PAGE = "https://wandb.ai/someone/project/runs/abc?a=1&b=2;c"


@pytest.mark.parametrize(
    "url", [PAGE, "https://x.example", "https://x.example:8443/a/%20b#c", "https://x.example/" + "a" * 900]
)
def test_an_address_of_a_web_page_is_taken(url: str) -> None:
    assert links(wandb=url) == (Link("W&B", url),)


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "",
        "http://x.example/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://",
        "https://user:password@x.example/",
        "https://x.example@evil.example/",
        "https://x.example/\x1b\\\x1b]0;owned\x07",
        "https://x.example/\x9c",
        "https://x.example/a b",
        "https://x.example/\n",
        "https://x.example/'x",
        "https://аpple.example/",
        "https://x.example/\u202e",
        "https://x.example/" + "a" * 3000,
    ],
    ids=ascii,
)
def test_no_other_text_becomes_a_link(url: Any) -> None:
    assert links(wandb=url) == ()


def test_a_project_needs_names_that_are_a_part_of_a_path() -> None:
    assert wandb_project("team", "my-project") == "https://wandb.ai/team/my-project"
    for bad in (None, "", "..", "a/b", "a b", "a?b", 7):
        assert wandb_project("team", bad) == wandb_project(bad, "project") == ""


OPENAI_JOB = sample("openai_job_running")


@pytest.mark.parametrize(
    ("provider", "fields", "told"),
    [
        ("openai", {**OPENAI_JOB, "integrations": None}, ()),
        ("openai", {**OPENAI_JOB, "integrations": [{"type": "wandb"}, "x"]}, ()),
        (
            "openai",
            {**OPENAI_JOB, "integrations": [{"type": "wandb", "wandb": {"entity": "me", "project": "p"}}]},
            (Link("W&B", "https://wandb.ai/me/p"),),
        ),
        # Made of mistralai 1.12.4, `WandbIntegrationOut`
        (
            "mistral",
            {
                **sample("mistral_job_success"),
                "integrations": [{"type": "wandb", "project": "p", "url": PAGE}],
            },
            (Link("W&B", PAGE),),
        ),
        ("together", {"id": "ft-1", "model_output_name": "x", "wandb_url": PAGE}, (Link("W&B", PAGE),)),
        # Made of fireworks-ai 1.2.30, `WandbConfig`
        (
            "fireworks",
            {
                "name": "accounts/a/x/b",
                "state": "JOB_STATE_RUNNING",
                "wandbConfig": {"url": PAGE, "apiKey": "k"},
            },
            (Link("W&B", PAGE),),
        ),
        (
            "replicate",
            {**sample("replicate_training_processing"), "urls": {"web": "https://replicate.com/p/1"}},
            (Link("web page", "https://replicate.com/p/1"),),
        ),
        (
            "hugging-face",
            sample("hf_jobs_job_running_docs"),
            (Link("web page", "https://huggingface.co/jobs/someone/687fb701029421ae5549d998"),),
        ),
    ],
)
def test_the_pages_that_a_service_tells_are_read(provider: str, fields: Any, told: tuple[Link, ...]) -> None:
    assert candidates(provider)[0].read_job(json.dumps(fields).encode()).job.links == told


def test_the_key_of_a_wandb_account_is_not_kept() -> None:
    fields = {"name": "accounts/a/x/b", "state": "JOB_STATE_RUNNING", "wandbConfig": {"apiKey": "zx-secret"}}
    job = candidates("fireworks")[0].read_job(json.dumps(fields).encode()).job
    assert "zx-secret" not in job.raw


def test_a_page_is_known_at_the_provider_s_own_host_alone() -> None:
    assert page_at("api.openai.com", "ftjob-1") == "https://platform.openai.com/finetune/ftjob-1"
    assert page_at("openai.example", "ftjob-1") == page_at("api.together.ai", "ft-1") == ""


# The screen

LINKED = job("running", wandb_url=PAGE)


@pytest.mark.slow
async def test_the_header_links_to_the_pages_of_the_job() -> None:
    async with stage({JOB: [answer(LINKED)], STREAM: [stream(*STORY[:4], End.HANG)]}, size=(100, 24)) as seen:
        await seen.until_shown("W&B ↗")
        [linked] = [
            segment.text
            for strip in seen.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style and segment.style.link == PAGE
        ]
        assert linked == "W&B ↗"


@pytest.mark.slow
@pytest.mark.parametrize("width", [40, 20])
async def test_a_narrow_header_has_no_room_for_links(width: int) -> None:
    async with stage(
        {JOB: [answer(LINKED)], STREAM: [stream(*STORY[:4], End.HANG)]}, size=(width, 10)
    ) as seen:
        await seen.until_shown("running")
        assert "W&B" not in seen.text


@pytest.mark.slow
async def test_a_terminal_gets_the_link_and_its_end() -> None:
    server = Server({JOB: [answer(LINKED)], STREAM: [stream(*STORY[:4], End.HANG)]})
    async with server.running():
        command = [*FTMON, JOB_ID, "--base-url", f"{server.origin}/v1"]

        def watch() -> bytes:
            with terminal(command, 120, 30) as shown:
                shown.until_shown("W&B ↗")
                shown.press("q")
                shown.wait()
                return shown.written

        written = await asyncio.to_thread(watch)
    opened = written.count(b";" + PAGE.encode() + b"\x1b\\")
    assert opened
    assert written.count(b"\x1b]8;;\x1b\\") >= opened
