"""How well a reader's graph reads the questions of the articles kept aside, each with the text it was asked of.

    python -m training.judge --graph FILE [--count 400]

Exact match and F1 as in SQuAD, the share of answers pointed at in a right sentence, and how well each of its two
numbers tells the near misses (AUROC). The stretch that is read is the one that holds most of the question's words: a
reader is not told where the answer stands.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from pathlib import Path
from statistics import mean

import numpy as np
from sklearn.metrics import roc_auc_score

from retrieval.models import prepare
from retrieval.reader import OnnxReader, best_span
from retrieval.unigram import Unigram
from training.examples import Example, held_examples
from training.windows import window


def main() -> None:
    """Read, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--graph", type=Path)
    parser.add_argument("--count", type=int, default=400, help="of each kind")
    options = parser.parse_args()
    path = prepare().unigram
    unigram, reader = Unigram(path), OnnxReader(path, threads=1, graph=options.graph)
    kinds: defaultdict[str, list[Example]] = defaultdict(list)
    for one in held_examples(options.data):
        kinds[one.kind].append(one)
    told: dict[str, list[tuple[float, float]]] = {}
    for kind, examples in kinds.items():
        chance = random.Random(1)  # noqa: S311 - not a secret
        exact, inside = [], []
        told[kind] = []
        for one in chance.sample(examples, min(options.count, len(examples))):
            laid = window(one, unigram, chance, is_told=False).row
            starts, ends, answers = reader.logits(laid.ids)
            length = len(laid.tokens)
            words, start, end = best_span(starts[laid.first :][:length], ends[laid.first :][:length])
            said = one.text[laid.tokens[start].start : laid.tokens[end].end]
            told[kind].append((words - float(starts[0] + ends[0]), answers))
            exact.append(said in one.answers)
            inside.append(any(said in answer or answer in said for answer in one.answers))
        print(f"{kind}: {len(exact)}, exact {100 * mean(exact):.1f}, overlapping {100 * mean(inside):.1f}")
    for yes, no in (("squad", "squad none"), ("squad ur", "squad ur none")):
        truth = [1] * len(told[yes]) + [0] * len(told[no])
        values = np.array([*told[yes], *told[no]])
        both = [roc_auc_score(truth, column) for column in (values[:, 0], values[:, 1], values @ [0.5, 1.0])]
        print(f"{yes}: AUROC by words {both[0]:.3f}, by answers {both[1]:.3f}, by both {both[2]:.3f}")


if __name__ == "__main__":
    main()
