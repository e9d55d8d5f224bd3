"""A language model small enough to learn in pure Python while somebody watches."""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Example(NamedTuple):
    """One prediction to make: the next character of a text."""

    before: str
    """What the model may look at: `LanguageModel.ORDER` characters, or fewer where the text begins."""
    character: str


class Prediction(NamedTuple):
    """What the model makes of one example."""

    loss: float
    """-log p(character), in nats."""
    is_right: bool
    """Whether no other character was held for likelier."""
    gradient: list[float]
    """Of the loss, by any row in use: a sum hands the same gradient to each of its terms."""


@dataclass(frozen=True, slots=True)
class Score:
    """How well some examples were predicted."""

    loss: float
    """The mean loss, in nats."""
    accuracy: float
    """The share of right predictions."""


class LanguageModel:
    """A softmax over the characters: the logits are the sum of a row of weights for each ending of the text.

    After "the l" the rows of "", "l", " l", "e l" and "he l" are added up. A row is made when first needed.
    """

    ORDER = 4
    """How many characters the model looks back."""

    def __init__(self, vocabulary: str) -> None:
        self.vocabulary = vocabulary
        self.rows: dict[str, list[float]] = {}
        self._place = {character: place for place, character in enumerate(vocabulary)}

    @property
    def guessing_loss(self) -> float:
        """The loss of a model that holds every character for equally likely."""
        return math.log(len(self.vocabulary))

    def predict(self, example: Example) -> Prediction:
        """Predict the character of an example."""
        logits = self._logits(example.before)
        highest = max(logits)
        exponentials = [math.exp(logit - highest) for logit in logits]
        total = sum(exponentials)
        probabilities = [exponential / total for exponential in exponentials]
        place = self._place[example.character]
        is_right = probabilities[place] == max(probabilities)
        probabilities[place] -= 1.0
        return Prediction(highest + math.log(total) - logits[place], is_right, probabilities)

    def learn(self, examples: Iterable[Example], rate: float) -> Score:
        """Make a step of stochastic gradient descent for each example; it is scored before its own step."""
        predictions = []
        for example in examples:
            prediction = self.predict(example)
            predictions.append(prediction)
            change = [-rate * slope for slope in prediction.gradient]
            for ending in _endings(example.before):
                row = self.rows.get(ending)
                self.rows[ending] = [w + c for w, c in zip(row, change, strict=True)] if row else change
        return _score(predictions)

    def score(self, examples: Iterable[Example]) -> Score:
        """Score examples without learning from them."""
        return _score([self.predict(example) for example in examples])

    def write(self, longest: int, chance: random.Random) -> str:
        """Write one line of at most so many characters."""
        text = start = ".\n"
        while len(text) < len(start) + longest:
            logits = self._logits(text[-self.ORDER :])
            highest = max(logits)
            # Twice the logits square the probabilities: a half-trained model keeps to the words it knows.
            weights = [math.exp(2 * (logit - highest)) for logit in logits]
            character = chance.choices(self.vocabulary, weights)[0]
            if character != "\n":
                text += character
            elif text != start:
                break
        return text.removeprefix(start).strip()

    def _logits(self, before: str) -> list[float]:
        rows = [row for ending in _endings(before) if (row := self.rows.get(ending))]
        return [sum(column) for column in zip(*rows, strict=True)] if rows else [0.0] * len(self.vocabulary)


def examples_of(text: str) -> list[Example]:
    """Return an example for each character of a text."""
    return [Example(text[max(0, at - LanguageModel.ORDER) : at], text[at]) for at in range(len(text))]


def _endings(before: str) -> list[str]:
    return [before[start:] for start in range(len(before) + 1)]


def _score(predictions: list[Prediction]) -> Score:
    count = len(predictions)
    return Score(sum(p.loss for p in predictions) / count, sum(p.is_right for p in predictions) / count)
