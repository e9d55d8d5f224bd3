import pytest

from ftmon.model.job import Status
from tests.servers.case import EXIT_STATUS, Case
from tests.servers.services import CASES
from tests.test_services import IN_TURN, SHORT, SIGNS
from tests.tui.stage import stage

pytestmark = pytest.mark.slow

WORDS = {
    Status.SUCCEEDED: "The job succeeded",
    Status.FAILED: "The job failed",
    Status.CANCELLED: "The job was cancelled",
}


@pytest.mark.parametrize(("case", "end"), IN_TURN, ids=CASES)
async def test_a_job_is_shown_from_its_queue_to_its_end(case: Case, end: Status) -> None:
    lines, ending = case.told(end), case.endings[end]
    server = case.server(end)
    async with stage(server, base=case.base, job_id=case.job_id, pace=SHORT, size=(140, 40)) as seen:
        await seen.until_shown(f"{SIGNS[end]} {WORDS[end]}")
        await seen.until_shown(lines[-1].message[:80])
        assert case.job_id in seen.rows[0]
        assert f"{SIGNS[end]} {end}" in seen.rows[2]
        assert f"events   {len(lines)} " in seen.text
        starts = [line.message[:80] for line in lines[-8:]]
        assert [seen.row_of(start) for start in starts] == sorted(map(seen.row_of, starts))
        assert (" loss  " in seen.text) == bool(case.train(end) or case.valid(end))
        assert (ending.error or "") in seen.text
        assert (ending.model or "") in seen.text
        await seen.press("q")
    assert seen.app.return_code == EXIT_STATUS[end]
