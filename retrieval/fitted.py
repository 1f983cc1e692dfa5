"""The weights that `benchmarks/fit.py` fitted on data, as they stand in `fitted.json`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.evidence import Choice, Signals

__all__ = ["Network", "Regression", "confidence_values", "network", "regression"]

_NAMES = [field.name for field in fields(Signals)]
_values = attrgetter(*_NAMES)


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
        inputs = (np.array([_values(signals) for signals in sentences]) - self.mean) / self.spread
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


def confidence_values(choice: Choice) -> dict[str, float]:
    """What the confidence regression looks at."""
    return {**dict(zip(_NAMES, _values(choice.signals), strict=True)), "chance": choice.chance, "lead": choice.lead}


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


def _written() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files("retrieval").joinpath("fitted.json").read_text(encoding="utf-8"))
    return found
