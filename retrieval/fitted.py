"""The weights that `benchmarks/fit.py` fitted on data, as they stand in `fitted.json`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.evidence import Choice, Signals
from retrieval.reading import Reading

__all__ = ["Network", "Regression", "Reread", "confidence_values", "network", "regression", "rereading", "told"]

LARGEST_ODDS = 8.0
_NAMES = list(Signals._fields)


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Signals to one score a sentence: a linear part, and a layer of rectified units for what is not linear in them.

    x = (signals - mean) / spread; score = direct · x + output · max(0, hidden x + bias).
    """

    mean: NDArray[np.float64]  # (signals,), in the order of the fields of `Signals`
    spread: NDArray[np.float64]  # (signals,)
    direct: NDArray[np.float64]  # (signals,)
    hidden: NDArray[np.float64]  # (units, signals)
    bias: NDArray[np.float64]  # (units,)
    output: NDArray[np.float64]  # (units,)

    def scores(self, sentences: Sequence[Signals]) -> list[float]:
        """One score a sentence; the differences between those of one question are differences of log chances."""
        if not sentences:
            return []
        inputs = (np.array(sentences) - self.mean) / self.spread
        units = np.maximum(inputs @ self.hidden.T + self.bias, 0)
        found: list[float] = (inputs @ self.direct + units @ self.output).round(6).tolist()
        return found


@dataclass(frozen=True, slots=True)
class Regression:
    """A logistic regression: one set of weights where question and text share a script, one where not."""

    same_script: dict[str, float]
    other_script: dict[str, float]

    def probability(self, values: Mapping[str, float], *, other_script: bool) -> float:
        """The probability by the weights, in (0, 1)."""
        weights = self.other_script if other_script else self.same_script
        total = math.fsum(weight * (1.0 if name == "bias" else values[name]) for name, weight in weights.items())
        return 1 / (1 + math.exp(-total))


@dataclass(frozen=True, slots=True)
class Reread:
    """How much a reader's word counts beside the plain signals, for a sentence's score and for the confidence.

    Each is a weight for what stood before, or for what `told` makes of a reading, as far as that counts there.
    """

    sentence: dict[str, float]
    confidence: dict[str, float]

    def score(self, plain: float, reading: Reading) -> float:
        """The sentence's score by both."""
        return _told(self.sentence, plain, reading)

    def probability(self, plain: float, reading: Reading) -> float:
        """The probability by both that an excerpt answers."""
        plain = min(max(plain, 1e-9), 1 - 1e-9)
        total = self.confidence["bias"] + _told(self.confidence, math.log(plain / (1 - plain)), reading)
        return 1 / (1 + math.exp(-total))


def _told(weights: Mapping[str, float], plain: float, reading: Reading) -> float:
    return math.fsum(weights.get(name, 0.0) * value for name, value in told(plain, reading).items())


def told(plain: float, reading: Reading) -> dict[str, float]:
    """What the weights of `Reread` are for, cut off: log odds for and against apart, as they tell more or less.

    A sentence that was not read has a number of its own instead. What is said of all that was read is one for both.
    """
    values = {"plain": plain, "anywhere": _cut(reading.anywhere)}
    if reading.span is None:
        return {**values, **dict.fromkeys(("words", "beside", "answers", "no answers"), 0.0), "unread": 1.0}
    return {
        **values,
        "words": _cut(max(reading.words, 0.0)),
        "beside": _cut(reading.beside),
        "answers": _cut(max(reading.answers, 0.0)),
        "no answers": _cut(min(reading.answers, 0.0)),
        "unread": 0.0,
    }


def _cut(odds: float) -> float:
    return min(max(odds, -LARGEST_ODDS), LARGEST_ODDS)


def confidence_values(choice: Choice) -> dict[str, float]:
    """What the confidence regression looks at."""
    return {**choice.signals._asdict(), "chance": choice.chance, "lead": choice.lead}


@cache
def network() -> Network:
    """The fitted network over signals; `ValueError` where it was fitted for others than these."""
    written = _written()["sentence"]
    if written.pop("signals") != _NAMES:
        raise ValueError(f"fitted.json: weights for {_NAMES} expected: run benchmarks/fit.py")
    return Network(**{name: np.array(values) for name, values in written.items()})


@cache
def regression() -> Regression:
    """The fitted regression of the confidence."""
    return Regression(**_written()["confidence"])


@cache
def rereading() -> Reread:
    """The fitted weights of what a reader says."""
    return Reread(**_written()["reader"])


def _written() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files("retrieval").joinpath("fitted.json").read_text(encoding="utf-8"))
    return found
