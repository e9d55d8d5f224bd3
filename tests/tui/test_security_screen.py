from typing import Any

from tests.servers.fine_tunes import JOB, JOB_ID, STREAM, answer, event, job, stream
from tests.servers.scripted import End
from tests.tui.stage import JOBS, stage

LINES = "curie\n✔ succeeded  ft-forged\r\n\ttwo"


async def test_a_name_of_several_lines_forges_no_row_of_the_list_of_jobs() -> None:
    data = [{**job(), "model": LINES}]
    async with stage({JOBS: [answer({"object": "list", "data": data})]}, job_id=None, size=(120, 40)) as seen:
        await seen.until_shown("1 job at this service")
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
