"""Where a job's id is typed."""

from textual.suggester import SuggestFromList
from textual.validation import ValidationResult, Validator
from textual.widgets import Input

from ftmon.errors import UsageError
from ftmon.model.job import check_job_id


class JobId(Validator):
    """Accepts what can be a job's id; blanks around it do no harm."""

    def validate(self, value: str) -> ValidationResult:
        """Check the text, with the sentence of `check_job_id` where it is none."""
        try:
            check_job_id(value.strip())
        except UsageError as error:
            return self.failure(str(error))
        return self.success()


class JobInput(Input):
    """Checks a job's id as it is typed, and completes it to one that the service has."""

    def __init__(self) -> None:
        super().__init__(
            placeholder="job id",
            validators=[JobId()],
            validate_on=["changed"],
            valid_empty=True,
            select_on_focus=False,
        )
        # A blinking cursor is a repaint twice a second for as long as the dialog stands open.
        self.cursor_blink = False

    def suggest(self, job_ids: list[str]) -> None:
        """Complete to these, the first that fits first."""
        self.suggester = SuggestFromList(job_ids, case_sensitive=True)
