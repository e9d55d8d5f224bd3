"""The input for a job id."""

from textual import events
from textual.suggester import SuggestFromList
from textual.validation import ValidationResult, Validator
from textual.widgets import Input

from ftmon.errors import UsageError
from ftmon.model.key import typed_job_id
from ftmon.safe import one_line, safe


class JobId(Validator):
    """Accepts a valid job id; spaces around it are ignored."""

    def validate(self, value: str) -> ValidationResult:
        """Check the text. A failure has the message of `check_job_id`."""
        try:
            typed_job_id(value)
        except UsageError as error:
            return self.failure(str(error))
        return self.success()


class JobInput(Input):
    """Validates the job id while it is typed, and suggests ids of the service."""

    def __init__(self) -> None:
        super().__init__(
            placeholder="job id, or words of its id, model and status",
            validators=[JobId()],
            validate_on=["changed"],
            valid_empty=True,
            select_on_focus=False,
        )
        # A blinking cursor would repaint twice a second while the dialog is open.
        self.cursor_blink = False

    @property
    def failures(self) -> list[str]:
        """Why the typed text is no job id."""
        result = self.validate(self.value)
        return [] if result is None else result.failure_descriptions

    def suggest(self, job_ids: list[str]) -> None:
        """Set the ids to suggest. The first one that matches is used."""
        self.suggester = SuggestFromList(job_ids, case_sensitive=True)

    def _on_paste(self, event: events.Paste) -> None:
        """Insert the first line that is not blank. Textual would insert the first line of all."""
        event.prevent_default()
        event.stop()
        if text := safe(event.text).strip():
            self.replace(one_line(text.splitlines()[0].strip()), *self.selection)
