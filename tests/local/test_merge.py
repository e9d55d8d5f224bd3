from msgspec.structs import replace

from ftmon.local.entry import Entry, Outcome, of_figures
from ftmon.local.merge import Merger
from ftmon.model.figures import Figures
from ftmon.model.job import Status


def entry(step: int, **figures: float) -> Entry:
    return of_figures({"step": step, **figures})


def take(merger: Merger, source: str, entries: list[Entry]) -> list[Entry]:
    return [new for each in entries if (new := merger.new(source, each)) is not None]


def told(entries: list[Entry]) -> list[Figures]:
    return [each.figures for each in entries]


def test_a_second_file_adds_only_what_the_first_lacks() -> None:
    merger = Merger()
    assert len(take(merger, "log", [entry(1, train_loss=2.0), entry(2, train_loss=1.0)])) == 2
    added = take(merger, "state", [entry(1, train_loss=2.01, grad_norm=0.5), entry(2, train_loss=1.01)])
    assert told(added) == [{"step": 1, "grad_norm": 0.5}]
    assert added[0].message == "Step 1: grad_norm=0.5"


def test_the_first_file_keeps_its_figures_where_the_second_is_ahead() -> None:
    merger = Merger()
    take(merger, "log", [entry(1, train_loss=2.0)])
    assert take(merger, "state", [entry(2, train_loss=1.0)]) == []
    assert told(take(merger, "log", [entry(2, train_loss=1.0)])) == [{"step": 2, "train_loss": 1.0}]


def test_a_file_that_is_written_anew_repeats_no_point() -> None:
    merger = Merger()
    take(merger, "table", [entry(1, train_loss=2.0), entry(2, train_loss=1.0)])
    again = [
        entry(1, train_loss=2.0),
        entry(1, valid_loss=2.1),
        entry(2, train_loss=1.0),
        entry(3, train_loss=0.5),
    ]
    assert told(take(merger, "table", again)) == [
        {"step": 1, "valid_loss": 2.1},
        {"step": 3, "train_loss": 0.5},
    ]


def test_a_step_that_two_processes_write_is_told_once() -> None:
    twice = [
        entry(1, train_loss=2.0),
        entry(1, train_loss=2.1),
        entry(2, train_loss=1.0),
        entry(2, train_loss=1.1),
    ]
    assert told(take(Merger(), "log", twice)) == [
        {"step": 1, "train_loss": 2.0},
        {"step": 2, "train_loss": 1.0},
    ]


def test_lines_of_text_come_from_every_file_and_keep_their_words() -> None:
    merger = Merger()
    take(merger, "log", [entry(1, train_loss=2.0)])
    line = Entry("{'loss': 2.0, 'lr': 0.1}", {"step": 1, "train_loss": 2.0, "learning_rate": 0.1})
    text = Entry("Saving …")
    new = take(merger, "text", [line, text])
    assert [each.message for each in new] == ["{'loss': 2.0, 'lr': 0.1}", "Saving …"]
    assert told(new) == [{"step": 1, "learning_rate": 0.1}, {}]


def test_an_end_is_told_although_its_figures_are_known() -> None:
    merger = Merger()
    take(merger, "log", [entry(1, train_loss=2.0)])
    end = of_figures({"step": 1, "train_loss": 2.0}, outcome=Outcome(Status.SUCCEEDED))
    [new] = take(merger, "state", [end])
    assert (new.figures, new.message, new.outcome) == ({}, "The training is done.", end.outcome)


def test_an_end_is_told_once_for_each_training_of_a_run() -> None:
    done = Entry("The training is done.", outcome=Outcome(Status.SUCCEEDED))
    ends = [
        of_figures({"step": 1, "train_runtime": 2.0}, outcome=done.outcome),
        done,
        replace(done, message="All is well"),
        entry(2, train_loss=1.0),
        done,
    ]
    assert [each.message for each in take(Merger(), "log", ends)] == [
        "Step 1: train_runtime=2",
        "All is well",
        "Step 2: training loss=1",
        "The training is done.",
    ]


def test_names_without_end_are_told_and_not_remembered() -> None:
    merger = Merger()
    entries = [entry(1, **{f"figure {number}": 1.0}) for number in range(12_000)]
    assert take(merger, "a", entries) == entries
    # A known one is still told once, an unknown one again.
    assert take(merger, "b", [entries[0], entries[-1]]) == entries[-1:]
