import copy
import random

import pytest

from ftmon.demo.language_model import Example, LanguageModel, examples_of

TEXT = "the sea was calm and the lamp was lit. " * 5


def taught(text: str = TEXT, rate: float = 0.1) -> LanguageModel:
    model = LanguageModel("".join(sorted(set(text))))
    model.learn(examples_of(text), rate)
    return model


def test_the_gradient_is_that_of_finite_differences() -> None:
    model = taught()
    example = Example("the ", "l")
    prediction = model.predict(example)
    nudge = 1e-5
    for ending in ("", " ", "e ", "he ", "the "):
        row = model.rows[ending]
        for place in range(len(row)):
            losses = []
            for sign in (+1, -1):
                model.rows[ending] = [*row[:place], row[place] + sign * nudge, *row[place + 1 :]]
                losses.append(model.predict(example).loss)
            model.rows[ending] = row
            slope = (losses[0] - losses[1]) / (2 * nudge)
            assert prediction.gradient[place] == pytest.approx(slope, abs=1e-7)


def test_a_step_changes_only_the_rows_in_use_and_lowers_the_loss() -> None:
    model = taught()
    before = copy.deepcopy(model.rows)
    example = Example("the ", "l")
    loss = model.predict(example).loss
    assert model.learn([example], rate=0.01).loss == loss
    assert model.predict(example).loss < loss
    changed = {ending for ending, row in model.rows.items() if before.get(ending) != row}
    assert changed == {"", " ", "e ", "he ", "the "}


def test_scoring_teaches_nothing() -> None:
    model = taught()
    before = copy.deepcopy(model.rows)
    model.score(examples_of(TEXT))
    assert model.rows == before


def test_an_untaught_model_guesses() -> None:
    score = LanguageModel("abcd").score([Example("ab", "c")])
    assert score.loss == pytest.approx(1.3862943611)
    assert score.accuracy == 1.0


def test_accuracy_is_the_share_of_right_predictions() -> None:
    model = LanguageModel("ab")
    model.learn([Example("", "a")] * 9, rate=0.5)
    assert (
        model.score([Example("", "a"), Example("", "a"), Example("", "a"), Example("", "b")]).accuracy == 0.75
    )


def test_an_example_looks_back_no_further_than_the_order() -> None:
    assert examples_of("lantern")[:2] == [("", "l"), ("l", "a")]
    assert examples_of("lantern")[-1] == ("nter", "n")


def test_what_has_diverged_still_has_a_finite_loss() -> None:
    model = taught(rate=1e6)
    assert 100 < model.score(examples_of(TEXT[::-1])).loss < float("inf")


def test_it_writes_one_line_from_its_own_characters() -> None:
    lines = {taught("lamp.\nsea.\n" * 9).write(12, random.Random(seed)) for seed in range(20)}
    assert len(lines) > 1
    for line in lines:
        assert 0 < len(line) <= 12
        assert set(line) <= set("lampse.")
