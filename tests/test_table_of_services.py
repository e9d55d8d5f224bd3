"""README's table of the services, against what ftmon speaks and what the services' cases are to tell."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from ftmon.model.job import Status
from ftmon.providers import PROVIDERS
from ftmon.settings import Settings
from ftmon.settings.choice import read_settings
from ftmon.wire.dialects import candidates, named
from ftmon.wire.dialects.dialect import Dialect
from tests.servers.services import CASES

README = (Path(__file__).parent.parent / "README.md").read_text()
_, _, SECTION = README.partition("### Services\n")

KEY = "0123456789abcdef"


class Row(NamedTuple):
    """A line of the table, cell by cell."""

    service: str
    command: str
    key: str
    shown: str


ROWS = [
    Row(*cells)
    for cells in re.findall(r"^\| ([^|]+) \| (`ftmon [^|]+) \| ([^|]+) \| ([^|]+) \|$", SECTION, re.M)
]

NAMES = {
    "a server with OpenAI's first API": "OpenAI's first API",
    "Azure OpenAI": "Azure v1",
    "Azure OpenAI, by api-version": "Azure",
    "Scale llm-engine": "llm-engine",
}
"""The case of a service whose line has another name."""

STATUS_ONLY = "LiteLLM, and others with a job and no events"
FAMILY = "Amazon Bedrock, Morph, Portkey, Zhipu"

rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.service)


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def value_of(variable: str) -> str:
    """Return a value for a variable that a line names."""
    if variable.endswith(("_URL", "_ENDPOINT")):
        return "https://own.example"
    return "2024-10-21" if variable.endswith("_VERSION") else KEY


def settings_by(command: str, variables: Mapping[str, str]) -> Settings:
    """Choose the service as a command of the table does with these variables."""
    options = shlex.split(command)[2:]
    given = dict(zip(options[::2], options[1::2], strict=True))
    provider, url = given.get("--provider"), given.get("--base-url")
    if url == "URL":
        url = f"https://{PROVIDERS[provider].hosts[0]}/v1" if provider else "https://gpu-box.example/v1"
    return read_settings(provider=provider, base_url=url, environ=variables)


def dialect_of(row: Row) -> Dialect:
    if row.service == "Azure OpenAI":
        # The case speaks it at a host that is not known to be Azure's.
        return named("azure-v1")
    case = CASES.get(NAMES.get(row.service, row.service))
    return named(case.dialect if case else "fine-tuning-jobs")


@rows
def test_the_command_and_the_variables_of_a_line_lead_to_its_api_with_its_key(row: Row) -> None:
    [command, *providers], [*variables] = quoted(row.command), quoted(row.key)
    environ = {name: value_of(name) for name in variables}
    settings = settings_by(command, environ)
    assert dialect_of(row) in candidates(settings.provider, settings.host)
    has_key = any(value == KEY for value in environ.values())
    assert (settings.key.value if settings.key else "") == (KEY if has_key else "")
    assert not settings.api_version or settings.api_version == environ["OPENAI_API_VERSION"]
    for provider in providers:
        others = settings_by(command.replace("bedrock", provider), {PROVIDERS[provider].keys[0]: KEY})
        assert others.key
        assert candidates(provider) == (dialect_of(row),)
    # The id has an owner where the API wants one.
    dialect, job_id = dialect_of(row), command.split()[1]
    assert ("/" in job_id) == dialect.has_namespace
    assert job_id.startswith("[") == (dialect.whoami is not None)


@rows
def test_a_line_tells_what_is_shown(row: Row) -> None:
    dialect, shown = dialect_of(row), row.shown
    # llm-engine answers the stream with its list.
    assert ("stream" in shown) == bool(dialect.paths.stream) or row.service == "Scale llm-engine"
    assert "result file" not in shown or dialect.paths.file
    if row.service in (FAMILY, STATUS_ONLY):
        return
    case = CASES[NAMES.get(row.service, row.service)]
    told = [line.message for line in case.told(Status.SUCCEEDED)]
    losses = [*case.train(Status.SUCCEEDED), *case.valid(Status.SUCCEEDED)]
    assert ("loss" in shown) == bool(losses or dialect.paths.file)
    assert ("checkpoints" in shown) == any(message.startswith("Checkpoint") for message in told)
    assert ("changes of status" in shown) == any(message.startswith("The job is") for message in told)


def test_every_case_of_a_service_has_a_line() -> None:
    told = {NAMES.get(row.service, row.service) for row in ROWS}
    missing = {name for name in CASES if name not in told}
    assert missing == {"Azure's first API", "Fireworks, reinforcement", "Fireworks, preferences"}


def test_what_can_be_done_with_a_job_is_told() -> None:
    every = [*candidates("auto"), *candidates("azure")]
    assert all(dialect.paths.cancel for dialect in every)
    assert (
        "A job can be cancelled with each of them, paused and resumed with OpenAI's second API and NeMo"
        in SECTION
    )
    second = {"fine-tuning-jobs", "azure", "azure-v1"}
    assert {each.name for each in every if each.paths.pause} == {*second, "nemo-platform"}
    assert "and resumed\nwith Fireworks." in SECTION
    fireworks = {"fireworks", "fireworks-reinforcement", "fireworks-dpo"}
    assert {each.name for each in every if each.paths.resume} == {*second, "nemo-platform", *fireworks}
