"""OpenAI's first fine-tuning API, `/v1/fine-tunes`: the events come as a stream, which replays the past.

Source: OpenAI's published specification of 2023 and recorded answers (PROTOCOL §1). Azure's old api-versions
and Together use the same paths; Together has no stream and answers with the list.
"""

from functools import partial

from ftmon.model.job import Status
from ftmon.wire.dialects import reading
from ftmon.wire.dialects.dialect import Dialect, Paths

_STATUSES = {
    # OpenAI's specification and recordings (PROTOCOL §1.2)
    "created": Status.PENDING,
    "pending": Status.PENDING,
    "running": Status.RUNNING,
    "succeeded": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "cancelled": Status.CANCELLED,
    # Azure, api-versions of 2022 and 2023 (PROTOCOL §3.1)
    "notrunning": Status.PENDING,
    "canceled": Status.CANCELLED,
    "deleted": Status.CANCELLED,
    # Together (PROTOCOL §4)
    "queued": Status.PENDING,
    "compressing": Status.RUNNING,
    "uploading": Status.RUNNING,
    "cancel_requested": Status.RUNNING,
    "completed": Status.SUCCEEDED,
    "error": Status.FAILED,
    "user_error": Status.FAILED,
}

FINE_TUNES = Dialect(
    name="fine-tunes",
    paths=Paths(
        jobs="/fine-tunes",
        job="/fine-tunes/{job_id}",
        cancel="/fine-tunes/{job_id}/cancel",
        events="/fine-tunes/{job_id}/events?stream=false",
        stream="/fine-tunes/{job_id}/events?stream=true",
        file="/files/{job_id}/content",
    ),
    read_job=partial(reading.job, statuses=_STATUSES, newest_first=False),
    read_jobs=partial(reading.jobs, statuses=_STATUSES),
    read_page=partial(reading.page, newest_first=False),
    frame_reader=lambda: reading.frame,
    read_event=reading.event,
    # Scale's llm-engine has no list before its first event (PROTOCOL §7).
    tells_status=False,
)

# Azure, api-versions of 2022 and 2023 (PROTOCOL §3.1)
AZURE_FINE_TUNES = FINE_TUNES.dated("azure-fine-tunes", "2022-12-01")
