"""The trained network as the int8 graph that comes with Quoth.

    python -m training.export --checkpoint FILE [--graph retrieval/reader.onnx] [--between GRAPH [--share 0.75]]

The graph takes `vectors` (1, tokens, dimensions; float32) and gives `starts`, `ends` (1, tokens) and `answers` (1,).
Weights are quantised as the encoder's are. With `--between` they lie between the checkpoint's and those of the graph
that the training went on from, `--share` of the way: what was learnt last of the training's sets costs less elsewhere
(Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch

from retrieval.export import OPSET, quantise
from training.network import Reader, shipped


def main() -> None:
    """Export and quantise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--graph", type=Path, default=Path("retrieval/reader.onnx"))
    parser.add_argument("--between", type=Path, help="the graph that the training went on from")
    parser.add_argument("--share", type=float, default=0.5, help="of the checkpoint, where it lies between")
    options = parser.parse_args()
    state = torch.load(options.checkpoint)["reader"]
    if options.between:
        before = shipped(options.between).state_dict()
        share = options.share
        state = {name: share * values + (1 - share) * before[name] for name, values in state.items()}
    layers = 1 + max(int(name.split(".")[3]) for name in state if name.startswith("bert.encoder.layer."))
    reader = Reader(layers)
    reader.load_state_dict(state)
    write(reader.eval(), options.graph)
    print(f"{options.graph}: {options.graph.stat().st_size:,} bytes, {layers} layers")


def write(reader: Reader, graph: Path) -> None:
    """Write the reader, which is in the state of evaluation, as an int8 graph."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "float.onnx"
        torch.onnx.export(
            reader,
            (torch.zeros(1, 40, 384),),
            str(path),
            input_names=["vectors"],
            output_names=["starts", "ends", "answers"],
            dynamic_axes={"vectors": {1: "tokens"}, "starts": {1: "tokens"}, "ends": {1: "tokens"}},
            opset_version=OPSET,
            dynamo=False,
        )
        quantise(path, graph, operators=["MatMul"])


if __name__ == "__main__":
    main()
