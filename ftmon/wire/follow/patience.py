"""When following is given up: at the start, and where nobody says how the job ended."""

from math import inf
from typing import NoReturn

from ftmon.errors import GaveUpError, RefusedError, UnreachableError
from ftmon.wire.clock import loop_time
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
        self._give_up_at = inf if is_endless else loop_time() + pace.give_up
        self._fault: UnreachableError | None = None
        """The last fault of the start."""

    @property
    def ends_at(self) -> float:
        """When to give up, even in the middle of an answer; infinite once the job is followed.

        Where only the past is wanted, each good answer gives the next one as long again.
        """
        answered_at = self._session.answered_at
        if answered_at is None:
            return self._give_up_at
        return max(self._give_up_at, answered_at + self._pace.give_up) if self._is_review else inf

    def give_up(self) -> NoReturn:
        """End a start that takes too long, with its last fault as the reason.

        Raises:
            GaveUpError: always.
        """
        raise self._gave_up(self._fault or UnreachableError("the service does not answer in full"))

    def left(self, fault: UnreachableError) -> float:
        """Return how many seconds are left for a first good answer, after a fault.

        Raises:
            GaveUpError: where none are left, or where the recorded past is all that is wanted.
        """
        if self._session.was_heard and not self._is_review:
            return inf
        self._fault = fault
        left = self._give_up_at - loop_time()
        if left <= 0 or self._is_past_enough:
            raise self._gave_up(fault) from fault
        return left

    @property
    def _is_past_enough(self) -> bool:
        """The recorded past is all that is wanted, and the service adds nothing."""
        session = self._session
        is_wanted = session.status.is_final or self._is_review
        return session.has_past and is_wanted and not session.was_heard and not self._is_endless

    def _gave_up(self, fault: UnreachableError) -> GaveUpError:
        words = str(fault)
        if self._is_past_enough:
            recorded = "What this machine has recorded of the job is shown."
            return GaveUpError(f"{words[0].upper()}{words[1:]}. {recorded}")
        question = "" if fault.status is not None else " Is the base URL right?"
        seconds = f"{self._pace.give_up:.0f} s"
        return GaveUpError(f"Gave up after {seconds}: {words}.{question} With --wait, ftmon goes on trying.")

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
            return RefusedError("The service no longer knows this job (404).", 404)
        return error


def reason(error: RefusedError) -> str:
    """Return what a refusal says as a part of a sentence."""
    words = str(error).rstrip(".")
    return words[0].lower() + words[1:]


def is_redirect(error: RefusedError) -> bool:
    """Whether a service redirects to another place, which is never followed."""
    return error.status is not None and 300 <= error.status < 400
