"""The weights that `benchmarks/fit.py` fitted on data, as they stand in `fitted.json` with what they were made from."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Literal

from retrieval.evidence import Signals

__all__ = ["Weights", "weights"]


@dataclass(frozen=True, slots=True)
class Weights:
    """A regression over signals: one set of weights where question and text share a script, one where not."""

    same_script: dict[str, float]
    other_script: dict[str, float]

    def total(self, signals: Signals) -> float:
        """The weighted sum: the higher, the better."""
        weights = self.other_script if signals.other_script else self.same_script
        parts = [weight * (1.0 if name == "bias" else getattr(signals, name)) for name, weight in weights.items()]
        return math.fsum(parts)

    def probability(self, signals: Signals) -> float:
        """The probability by the regression, in (0, 1)."""
        return 1 / (1 + math.exp(-self.total(signals)))


@cache
def weights(name: Literal["sentence", "confidence"]) -> Weights:
    """The weights that `fitted.json` holds under `name`; `ValueError` where they are not for these signals."""
    written = json.loads(files("retrieval").joinpath("fitted.json").read_text(encoding="utf-8"))[name]
    expected = {"bias", *(field.name for field in fields(Signals))} - {"other_script"}
    for found in written.values():
        if set(found) != expected:
            raise ValueError(f"fitted.json: weights for {sorted(expected)} expected, found {sorted(found)}")
    return Weights(**written)
