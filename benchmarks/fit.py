"""Fit the weights of `retrieval/fitted.json`: which sentence answers, and whether the excerpt made of it does.

    python -m benchmarks.fit --data ../shared/data [--write]

The sentence's network is fitted as a conditional logit (which of this question's sentences answers?), the confidence
as a logistic regression (does the first excerpt?). The articles are parted in five: for each fifth, a network fitted on
the others chooses the excerpts; by these the confidence is fitted, and all that is printed is judged. The network that
is kept is fitted on all. The 73 news questions are not looked at, but those of our own over the same articles are
(`benchmarks/questions/`). Without --write only the judgement is printed.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.fit_confidence import first_shown, fit_confidence
from benchmarks.fit_network import fit_network, written
from benchmarks.fit_questions import PARTS
from benchmarks.fit_sentences import gather
from benchmarks.libraries import require, tell

FITTED = Path(__file__).resolve().parent.parent / "retrieval" / "fitted.json"


def main() -> None:
    """Gather, fit, judge, perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--write", action="store_true", help="write retrieval/fitted.json")
    options = parser.parse_args()
    judged = gather(require(options.data))
    shown = []
    for part in range(PARTS):
        apart = fit_network([one for one in judged if one.asked.part != part])
        shown += [first_shown(one, apart) for one in judged if one.asked.part == part and one.sentences]
    regression = fit_confidence(shown)
    network = fit_network(judged)
    if options.write:
        reader = json.loads(FITTED.read_text(encoding="utf-8"))["reader"]  # fitted after these, by `fit_reader`
        weights = {"sentence": written(network), "confidence": asdict(regression), "reader": reader}
        FITTED.write_text(json.dumps(weights, separators=(",", ":")).replace('],"', '],\n"') + "\n", encoding="utf-8")
        tell(f"written: {FITTED.name}")


if __name__ == "__main__":
    main()
