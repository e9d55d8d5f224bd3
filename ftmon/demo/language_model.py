"""A language model small enough to train in pure Python within a minute."""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Example(NamedTuple):
    """One prediction to make: the next character of a text."""

    before: str
    """The context: the last `LanguageModel.ORDER` characters, or fewer at the beginning of the text."""
    character: str


class Prediction(NamedTuple):
    """The result of predicting one example."""

    loss: float
    """-log p(character), in nats."""
    is_right: bool
    """No other character got a higher probability."""
    gradient: list[float]
    """Of the loss by each row in use: the same for all of them, because the logits are their sum."""


@dataclass(frozen=True, slots=True)
class Score:
    """How well the model predicted some examples."""

    loss: float
    """The mean loss, in nats."""
    accuracy: float
    """The share of examples predicted right."""


class LanguageModel:
    """A softmax over the characters. The logits are a sum of rows of weights, one per ending of the text.

    After "the l" these are the rows of "", "l", " l", "e l" and "he l". A row is created on first use.
    """

    ORDER = 4
    """How many characters of context the model sees."""

    def __init__(self, vocabulary: str) -> None:
        self.vocabulary = vocabulary
        self.rows: dict[str, list[float]] = {}
        self._place = {character: place for place, character in enumerate(vocabulary)}

    @property
    def guessing_loss(self) -> float:
        """The loss of a model that gives every character the same probability."""
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
        """Do one step of stochastic gradient descent per example. An example is scored before its step."""
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
        """Write one line of at most `longest` characters."""
        text = start = ".\n"
        while len(text) < len(start) + longest:
            logits = self._logits(text[-self.ORDER :])
            highest = max(logits)
            # Doubling the logits squares the probabilities, so a half-trained model prefers words it knows.
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
