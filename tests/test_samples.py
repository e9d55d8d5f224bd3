import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ftmon.model.event import Event, Level
from ftmon.model.figures import read_figures, sums_up
from ftmon.wire.dialects.fine_tuning_jobs import FINE_TUNING_JOBS
from ftmon.wire.dialects.hugging_face_jobs import HUGGING_FACE_JOBS
from ftmon.wire.sse import Decoder
from tests.servers.case import SAMPLES, sample
from tests.servers.fine_tunes import answer
from tests.servers.services import REPLICATE
from tests.test_follow import PACE, followed_as

TESTS = Path(__file__).parent
SOURCE = "\n".join(path.read_text() for path in TESTS.rglob("*.py"))


@pytest.mark.parametrize("path", sorted(SAMPLES.iterdir()), ids=lambda path: path.name)
def test_every_recorded_answer_is_used_by_a_test(path: Path) -> None:
    assert re.search(rf'["/]{re.escape(path.stem)}({re.escape(path.suffix)})?"', SOURCE)


def test_a_recorded_log_of_hugging_face_is_read_with_its_times() -> None:
    read = HUGGING_FACE_JOBS.frame_reader()
    frames = Decoder().feed((SAMPLES / "hf_jobs_logs_tail4.sse").read_bytes())
    events = [event for frame in frames if isinstance(event := read(frame), Event)]
    assert [event.message for event in events] == [
        "===== Job started at 2026-05-12 14:57:43 =====",
        "{ event: 'phase', phase: 'committing' }",
        "Branch 'refs/convert/build' created successfully in repo 'someone/some-model'.",
        "Branch 'refs/tmp/build' deleted successfully from repo 'someone/some-model'.",
        "Build and upload completed successfully.",
    ]
    assert [event.created_at for event in events] == [
        datetime(2026, 5, 12, 14, 57, 43, tzinfo=UTC),
        *[
            datetime(2026, 5, 12, 14, 58, second, 1000 * milliseconds, tzinfo=UTC)
            for second, milliseconds in ((23, 645), (24, 755), (25, 157), (25, 162))
        ],
    ]
    assert {event.level for event in events} == {Level.INFO}


def test_the_first_recorded_event_of_a_job_is_read() -> None:
    body = (SAMPLES / "openai_jobs_events_just_created.json").read_bytes()
    page = FINE_TUNING_JOBS.read_page(body)
    [event] = page.events
    assert (event.message, event.level) == ("Created fine-tune: ftjob-eMf3JR7aNVDQ4r580LBKXtmt", Level.INFO)
    assert event.created_at == datetime.fromtimestamp(1692901133, UTC)
    assert (page.cursor, page.malformed) == ("", 0)


async def test_a_training_that_replicate_does_not_know_is_told_in_its_words() -> None:
    server = REPLICATE.server(more={REPLICATE.path: [answer(sample("replicate_error_404"), 404)]})
    async with server.running():
        told = await followed_as("replicate", f"{server.origin}{REPLICATE.base}", REPLICATE.job_id, PACE)
    assert told.run.exit_status == 4
    assert "The specified training destination does not exist" in told.sentence


def test_recorded_results_of_a_run_sum_it_up_and_are_no_point_of_its_curve() -> None:
    results = json.loads((SAMPLES / "llamafactory_all_results.json").read_text())
    assert sums_up(results)
    assert "train_loss" not in read_figures(results)
