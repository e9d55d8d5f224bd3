"""The look of each status of a job."""

from ftmon.model.job import Status

STATUS_LOOKS = {
    Status.PENDING: "waiting",
    Status.RUNNING: "alive",
    Status.PAUSED: "waiting",
    Status.SUCCEEDED: "good",
    Status.FAILED: "bad",
    Status.CANCELLED: "ended",
    Status.UNKNOWN: "muted",
}
