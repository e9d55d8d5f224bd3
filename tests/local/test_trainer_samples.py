from pathlib import Path
from typing import NamedTuple

import pytest

from ftmon.local.place import Place, outcome_of
from ftmon.local.source import EVENT_FILE, JSON_LINES, LOG, TABLE, TRAINER_STATE, Format, format_of
from ftmon.model.job import Status
from tests.local.test_place import read

SAMPLES = Path(__file__).parent.parent / "samples"

Point = tuple[int | None, float]
"""A step, where the file tells one, and a loss."""


class Sample(NamedTuple):
    """What a recorded file of a trainer tells, as its authors and TRAINERS.md say."""

    kind: Format
    losses: int
    first: Point
    last: Point
    valid_losses: int = 0
    last_valid: Point | None = None
    total: int | None = None
    end: Status | None = None


TOLD = {
    "llamafactory_trainer_log_2023_nulls.jsonl": Sample(
        # The last line has no loss, and 100 %.
        JSON_LINES, 4, (3200, 4.4671), (3230, 4.4598), total=3235, end=Status.SUCCEEDED,
    ),
    "llamafactory_trainer_log_dpo.jsonl": Sample(JSON_LINES, 2, (5, 53.9602), (10, 42.0622), total=10),
    "msswift_logging.jsonl": Sample(JSON_LINES, 2, (1, 7.39256144), (2, 7.10582113), total=20),
    "hf_stdout_v4_numbers.txt": Sample(LOG, 4, (None, 1.0216), (None, 0.2087), end=Status.SUCCEEDED),
    "hf_stdout_v5_strings.txt": Sample(
        LOG, 10, (None, 1.342), (None, 0.01426), 4, (None, 0.1135), end=Status.SUCCEEDED
    ),
    "hf_trainer_state_checkpoint_375_of_375.json": Sample(
        # All steps are done, but nothing says that the run has ended well.
        TRAINER_STATE, 18, (20, 0.6899), (360, 0.349), 3, (375, 0.3891691565513611), total=375,
    ),
    "mlx_lm_stdout_old_excerpt.txt": Sample(
        LOG, 8, (10, 4.441), (250, 1.862), 3, (250, 1.825), total=250, end=Status.SUCCEEDED
    ),
    # The loss of iteration 0 is none.
    "llamacpp_finetune_stdout.txt": Sample(LOG, 7, (1, 2.823248), (7, 2.131633)),
    "nanochat_autoresearch_illustrative.txt": Sample(LOG, 1, (42, 4.123456), (42, 4.123456), total=300),
    "lightning_metrics.csv": Sample(TABLE, 2, (49, 0.06728213280439377), (99, 0.038861844688653946)),
    "openai_results_current.csv": Sample(TABLE, 15, (1, 3.63265), (15, 0.34285)),
    "tensorboard_events_scalars.tfevents": Sample(
        EVENT_FILE, 17, (0, 3.913577), (16, 2.932506e-05), 17, (16, 2.932506e-05)
    ),
}  # fmt: skip


def name_in_its_directory(name: str) -> str:
    return "trainer_state.json" if "trainer_state" in name else name


@pytest.mark.parametrize("name", TOLD)
def test_a_recorded_file_tells_its_points_its_total_and_its_end(tmp_path: Path, name: str) -> None:
    sample = TOLD[name]
    path = tmp_path / name_in_its_directory(name)
    path.write_bytes((SAMPLES / name).read_bytes())
    assert format_of(path.name, path.read_bytes()) is sample.kind
    place = Place(path)
    # The last step of a TensorBoard file is told when no more of it comes.
    told = [each for _ in range(2) for news in read(place).values() for each in news]
    [run] = place.runs

    def points(figure: str) -> list[Point]:
        entries = [each.entry for each in told if figure in each.entry.figures]
        return [(entry.step, entry.figures[figure]) for entry in entries]

    losses, valid_losses = points("train_loss"), points("valid_loss")
    assert (len(losses), losses[0], losses[-1]) == (sample.losses, sample.first, sample.last)
    assert (len(valid_losses), valid_losses[-1:]) == (
        sample.valid_losses,
        [sample.last_valid] if sample.last_valid else [],
    )
    totals = [each.entry.figures.get("total_steps") for each in told if each.entry.figures]
    assert totals[-1] == sample.total
    outcome = outcome_of(place.verdict(run, run.heard_at))
    assert (outcome.status if outcome else None) == sample.end
