"""What the title of the event log tells: counts, what is looked for, and where the user is."""

from collections.abc import Iterator

from ftmon.model.run import Run
from ftmon.text import count, plural
from ftmon.tui.log.standing import Standing
from ftmon.tui.parts.part import Part


def title_parts(run: Run | None, standing: Standing) -> tuple[list[Part], list[Part]]:
    """Return the parts at the left and those at the right of a run's log, by how the log stands."""
    if run is None:
        return [Part("events", "muted")], []
    spare = 6 if standing.is_finding else 0
    left = [Part("events", "muted", spare)]
    if standing.filter is None:
        left.append(Part(count(run.events), "", spare))
    for words in filter(None, (standing.filter, standing.search)):
        left += [Part(words.name, "key"), Part(words.found, "", 1)]
    if standing.marks:
        left.append(Part(plural(standing.marks, "mark"), "key", 2))
    if run.stream_errors:
        left.append(Part(f"▲ {plural(run.stream_errors, 'error')} of the stream", "warning", 1))
    if run.warnings:
        left.append(Part(f"▲ {plural(run.warnings, 'warning')}", "warning", 2))
    if run.errors:
        left.append(Part(f"✘ {plural(run.errors, 'error')}", "bad", 1))
    return left, list(_position(run, standing))


def _position(run: Run, standing: Standing) -> Iterator[Part]:
    """Yield the words at the right: whether the log follows, or else where the user is."""
    if standing.following:
        yield Part("at the end" if run.is_over else "↓ following", "muted", 3)
        return
    if standing.unseen:
        yield Part(f"{count(standing.unseen)} new below", "warning", 3)
    elif standing.is_at_end:
        yield Part("at the end" if run.is_over else "not following", "muted", 5)
    else:
        yield Part("scrolled up", "warning", 5)
    step = "" if standing.step is None else f"step {count(standing.step)} · "
    seen = f"{count(standing.first)}–{count(standing.last)} of {count(standing.shown)}"
    yield Part(f"{step}{seen}", "muted", 4)
