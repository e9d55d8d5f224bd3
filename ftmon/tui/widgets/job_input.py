"""The input for a job id."""

from textual.suggester import SuggestFromList
from textual.validation import ValidationResult, Validator
from textual.widgets import Input

from ftmon.errors import UsageError
from ftmon.model.job import check_job_id


class JobId(Validator):
    """Accepts a valid job id; spaces around it are ignored."""

    def validate(self, value: str) -> ValidationResult:
        """Check the text. A failure has the message of `check_job_id`."""
        try:
            check_job_id(value.strip())
        except UsageError as error:
            return self.failure(str(error))
        return self.success()


class JobInput(Input):
    """Validates the job id while it is typed, and suggests ids of the service."""

    def __init__(self) -> None:
        super().__init__(
            placeholder="job id",
            validators=[JobId()],
            validate_on=["changed"],
            valid_empty=True,
            select_on_focus=False,
        )
        # A blinking cursor would repaint twice a second while the dialog is open.
        self.cursor_blink = False

    def suggest(self, job_ids: list[str]) -> None:
        """Set the ids to suggest. The first one that matches is used."""
        self.suggester = SuggestFromList(job_ids, case_sensitive=True)
