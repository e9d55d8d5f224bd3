"""When following is given up: at the start, and where nobody says how the job ended."""

from math import inf
from time import monotonic

from ftmon.errors import GaveUpError, RefusedError, UnreachableError
from ftmon.wire.follow.session import Session
from ftmon.wire.pace import Pace


class Patience:
    """The limits of waiting. With `is_endless` (`--wait`) there are none."""

    def __init__(self, session: Session, pace: Pace, *, is_endless: bool, is_review: bool) -> None:
        self._session = session
        self._pace = pace
        self._is_endless = is_endless
        self._is_review = is_review
        """Only the past is wanted: good answers set no limit aside."""
        self._give_up_at = inf if is_endless else monotonic() + pace.give_up

    def left(self, fault: UnreachableError) -> float:
        """Return how many seconds are left for a first good answer, after a fault.

        Raises:
            GaveUpError: where none are left, or where the recorded past is all that is wanted.
        """
        session = self._session
        is_past_enough = session.status.is_final or self._is_review
        if session.has_past and is_past_enough and not session.was_heard and not self._is_endless:
            words = str(fault)
            raise GaveUpError(
                f"{words[0].upper()}{words[1:]}. What this machine has recorded of the job is shown."
            ) from fault
        if session.was_heard and not self._is_review:
            return inf
        left = self._give_up_at - monotonic()
        if left <= 0:
            question = "" if fault.status is not None else " Is the base URL right?"
            raise GaveUpError(
                f"Gave up after {self._pace.give_up:.0f} s: {fault}.{question} "
                "With --wait, ftmon goes on trying."
            ) from fault
        return left

    def check_end(self, looked_at: float, *, is_streaming: bool) -> None:
        """Check, after a reading that began at `looked_at`, whether the job's end stays unknown.

        While a trusted stream is open, the end of another one says nothing.

        Raises:
            GaveUpError: where the events have ended for longer than `Pace.lag`.
        """
        claimed_at = self._session.claimed_at
        if self._is_endless or self._session.is_status_known or claimed_at is None:
            return
        if is_streaming and not self._session.has_said_end:
            return
        if looked_at - claimed_at > self._pace.lag:
            raise GaveUpError(
                "The events are over, but the service does not say how the job ended. "
                "Everything it told is shown."
            )

    def lasting(self, error: RefusedError, before: RefusedError | None) -> RefusedError | None:
        """Return the refusal of the job that ends the following, or None where it may pass.

        `before` is the refusal that this one confirms, if any.
        """
        session = self._session
        is_followed = session.was_heard and not self._is_review
        if not is_followed and session.has_past and not session.was_heard and error.status == 404:
            return RefusedError(
                "The service does not know this job, or has forgotten it (404). "
                "What this machine has recorded of it is shown.",
                404,
            )
        if not is_followed or is_redirect(error):
            return error
        if error.status is None or before is None:
            return None
        if error.status == 404 and session.job is not None:
            return RefusedError("The job is gone: the service no longer knows it (404).", 404)
        return error


def reason(error: RefusedError) -> str:
    """Return what a refusal says as a part of a sentence."""
    words = str(error).rstrip(".")
    return words[0].lower() + words[1:]


def is_redirect(error: RefusedError) -> bool:
    """Whether a service redirects to another place, which is never followed."""
    return error.status is not None and 300 <= error.status < 400
