"""What the job object tells of its settings, files and cost."""

from collections.abc import Iterator

from ftmon import text
from ftmon.model.details import Details, JobFile, details_of
from ftmon.model.run import Run
from ftmon.tui.excerpt import excerpt
from ftmon.tui.page.fact import Fact


def details(run: Run) -> Details:
    """Return what is read of the run's job object, nothing before the job was read."""
    return details_of(run.job.raw) if run.job is not None else Details()


def settings(run: Run) -> Iterator[Fact]:
    """Yield the hyperparameters and other settings, by their own names."""
    for name, value in details(run).settings:
        yield Fact(excerpt(name, 40), value)


def files(run: Run) -> Iterator[Fact]:
    """Yield the files, each with its name, size and id as far as they are told."""
    told = details(run).files
    for file in told:
        yield Fact(file.kind, _file(file))
    if run.result_file and all(file.id != run.result_file for file in told):
        yield Fact("result", excerpt(run.result_file))


def costs(run: Run) -> Iterator[Fact]:
    """Yield what the run costs, and its tokens."""
    if run.cost is not None:
        yield Fact("cost", f"{text.money(run.cost)}, as the service says")
    for name, value in details(run).costs:
        yield Fact(name, text.count(int(value)) if value.isdecimal() and len(value) < 16 else value)


def _file(file: JobFile) -> str:
    size = "" if file.size is None else text.size(file.size)
    return " · ".join(filter(None, (file.name, size, file.id)))
