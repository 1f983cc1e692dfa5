"""Fit the network of `retrieval/fitted.py`: which of a question's sentences answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.fit_sentences import Judged
from retrieval.evidence import Signals
from retrieval.excerpt import Weighed
from retrieval.fitted import Network

SIGNALS = list(Signals._fields)
UNITS = 48
EPOCHS = 14

# What a sentence's score can only gain by, all else equal: fitted freely, noise would find cases where it loses.
GAINING = (
    "similarity",
    "standing",
    "coverage",
    "telling_coverage",
    "window_coverage",
    "asked_kind",
    "asked_word",
    "asked_unit",
)


def fit_network(judged: Sequence[Judged]) -> Network:
    """A conditional logit (McFadden 1974): the probability that the chosen sentence is one of those that answer.

    Half of the units add to a score and half take from it; the signals of `GAINING` raise the first and lower the
    others, so that none of them can lower a score (the thought of Sill 1998, "Monotonic networks"). News questions
    count five times: they are what Quoth is for, and few.
    """
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    found = [one for one in judged if one.right.any()]
    tables = [_table(one.sentences) for one in found]
    stacked = np.concatenate(tables)
    mean, spread = stacked.mean(axis=0), stacked.std(axis=0) + 1e-6
    inputs = [torch.tensor((table - mean) / spread, dtype=torch.float32) for table in tables]
    targets = [torch.tensor(one.right) for one in found]
    weights = torch.tensor([5.0 if one.asked.kind.startswith("news") else 1.0 for one in found])
    hidden = torch.nn.Linear(len(SIGNALS), UNITS)
    output = torch.nn.Linear(UNITS, 1, bias=False)
    direct = torch.nn.Linear(len(SIGNALS), 1, bias=False)
    parameters = [*hidden.parameters(), *output.parameters(), *direct.parameters()]
    gaining = torch.tensor([name in GAINING for name in SIGNALS])
    signs = torch.tensor([1.0, -1.0]).repeat(UNITS // 2)

    def weights_within() -> tuple[Any, Any, Any]:
        """The weights of direct, hidden and output layer, none of them against what its signal can do."""
        return (
            torch.where(gaining, direct.weight.abs(), direct.weight),
            torch.where(gaining, hidden.weight.abs() * signs[:, None], hidden.weight),
            output.weight.abs() * signs,
        )

    optimizer = torch.optim.AdamW(parameters, lr=3e-3, weight_decay=1e-2)
    batches = -(-len(found) // 32)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=EPOCHS * batches)
    for epoch in range(EPOCHS):
        order = np.random.default_rng(epoch).permutation(len(found))
        for batch in np.array_split(order, batches):
            rows = torch.cat([inputs[index] for index in batch])
            straight, inner, outer = weights_within()
            units = torch.nn.functional.dropout(torch.relu(rows @ inner.T + hidden.bias), 0.1)
            scores = (units @ outer.T + rows @ straight.T)[:, 0].split([len(inputs[index]) for index in batch])
            losses = [
                weights[index] * (torch.logsumexp(part, 0) - torch.logsumexp(part[targets[index]], 0))
                for index, part in zip(batch, scores, strict=True)
            ]
            optimizer.zero_grad()
            (torch.stack(losses).sum() / weights[batch].sum()).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()

    straight, inner, outer = weights_within()

    def plain(tensor: Any) -> NDArray[np.float64]:
        return np.asarray(tensor.detach().numpy(), dtype=np.float64).round(4)

    return Network(
        mean=mean.round(6),
        spread=spread.round(6),
        direct=plain(straight[0]),
        hidden=plain(inner),
        bias=plain(hidden.bias),
        output=plain(outer[0]),
    )


def _table(sentences: Sequence[Weighed]) -> NDArray[np.float64]:
    return np.array([one.signals for one in sentences], dtype=np.float64)


def written(network: Network) -> dict[str, Any]:
    """The network as it stands in `fitted.json`."""
    arrays = {field.name: getattr(network, field.name).tolist() for field in fields(Network)}
    return {"signals": SIGNALS, **arrays}
