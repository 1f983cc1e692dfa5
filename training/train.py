"""Train the reader, from the encoder's lower layers, on questions and texts of the evaluation sets.

    python -m training.train --data ../shared/data --checkpoint FILE [--examples 150000] [--layers 8] [--bfloat16]
    python -m training.train --from retrieval/reader.onnx --seed 2 --broad 75000 --news FILE …

Stopped and started again with the same checkpoint, it goes on where it was; the rate falls to nothing over
`--examples`, so with fewer it comes to its end sooner. `--from` goes on from a graph that was shipped, not from the
encoder: with another seed, so that other examples are drawn. The first `--broad` examples are of the large sets alone;
`--news` are those of `training.news`, which come with the small sets after them. Losses go to stdout; a checkpoint is
written every five minutes.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from retrieval.models import prepare
from retrieval.unigram import Unigram
from training.examples import broad_examples, training_examples
from training.network import Reader, pretrained, shipped, word_vectors
from training.windows import Window, batches

BATCH = 16
RATE = 1.5e-4
WARM_UP = 0.04
ANSWERS_SHARE = 0.5  # of the loss of telling whether the row answers, beside that of where
SECONDS_BETWEEN_CHECKPOINTS = 300


def main() -> None:
    """Train until the examples are done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--examples", type=int, default=150_000)
    parser.add_argument("--from", dest="graph", type=Path, help="a graph to go on from")
    parser.add_argument("--layers", type=int, default=8, help="of the encoder, where no graph is named")
    parser.add_argument("--broad", type=int, default=0, help="how many of the examples are of the large sets alone")
    parser.add_argument("--news", type=Path, help="examples over the news, of `training.news`")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bfloat16", action="store_true", help="twice as fast where the processor has it")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    model = prepare()
    unigram = Unigram(model.unigram)
    encoder = model.folder / "sentence-transformers"
    reader = shipped(options.graph) if options.graph else pretrained(encoder, options.layers)
    optimizer = torch.optim.AdamW(reader.parameters(), lr=RATE, weight_decay=0.01, fused=True)
    done, spent = 0, 0.0
    if options.checkpoint.exists():
        saved = torch.load(options.checkpoint)
        reader.load_state_dict(saved["reader"])
        optimizer.load_state_dict(saved["optimizer"])
        done, spent = saved["done"], saved["spent"]
    words = word_vectors()
    print(f"{done} examples done in {spent / 60:.1f} minutes", flush=True)
    reader.train()
    begun = saved_at = time.monotonic()
    before, losses = spent, deque[float](maxlen=100)
    for number, batch in enumerate(_rounds(options, unigram, done)):
        progress = done / options.examples
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(progress / WARM_UP, (1 - progress) / (1 - WARM_UP)) + 1e-7
        loss = _loss(reader, words, batch, is_halved=options.bfloat16)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        done += len(batch)
        spent = before + time.monotonic() - begun
        if number % 100 == 99:
            print(f"{spent / 60:6.1f} min {done:6} examples, loss {sum(losses) / len(losses):.3f}", flush=True)
        if time.monotonic() - saved_at > SECONDS_BETWEEN_CHECKPOINTS:
            _save(options.checkpoint, reader, optimizer, done, spent)
            saved_at = time.monotonic()
    _save(options.checkpoint, reader, optimizer, done, spent)
    print(f"{done} examples in {spent / 60:.1f} minutes", flush=True)


def _rounds(options: argparse.Namespace, unigram: Unigram, done: int) -> Iterator[list[Window]]:
    """Batches without end, of the large sets first; each round draws anew from the sets larger than their share."""
    for drawn in count(options.seed):
        if drawn == options.seed and options.broad:
            examples = broad_examples(options.data, drawn)[: options.broad]
        else:
            examples = training_examples(options.data, drawn, options.news)
        if done < len(examples):
            yield from batches(examples, unigram, size=BATCH, seed=drawn, done=done)
        done = max(done - len(examples), 0)


def _loss(reader: Reader, words: torch.Tensor, batch: Sequence[Window], *, is_halved: bool) -> Any:
    longest = max(len(one.row.ids) for one in batch)
    ids = torch.tensor([one.row.ids + [1] * (longest - len(one.row.ids)) for one in batch])
    mask = (ids != 1).long()
    with torch.autocast("cpu", torch.bfloat16, enabled=is_halved):
        logits = reader(words[ids], None if bool(mask.all()) else mask)
    starts, ends, answers = (part.float() for part in logits)
    allowed = mask.bool().clone()
    for place, one in enumerate(batch):
        allowed[place, 1 : one.row.first] = False
    starts, ends = starts.masked_fill(~allowed, -1e4), ends.masked_fill(~allowed, -1e4)
    where = cross_entropy(starts, torch.tensor([one.start for one in batch])) / 2
    where = where + cross_entropy(ends, torch.tensor([one.end for one in batch])) / 2
    is_there = torch.tensor([float(one.start > 0) for one in batch])
    return where + ANSWERS_SHARE * binary_cross_entropy_with_logits(answers, is_there)


def _save(path: Path, reader: Reader, optimizer: torch.optim.Optimizer, done: int, spent: float) -> None:
    partial = path.with_suffix(".partial")
    state = {"reader": reader.state_dict(), "optimizer": optimizer.state_dict(), "done": done, "spent": spent}
    torch.save(state, partial)
    partial.replace(path)


if __name__ == "__main__":
    main()
