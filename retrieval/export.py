"""A sentence-transformers folder becomes an int8 ONNX graph: the only file that loads torch.

The graph takes `input_ids` and `attention_mask` (batch, tokens; int64) and gives `embedding` (batch, dimensions;
float32, unit length), the model's own pooling inside. Weights are int8, a scale per channel, the embedding table
included: per tensor, 3 to 5 % of the cosine would be lost.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ExportedModel", "export", "quantise"]

OPSET = 17


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """What the graph's user must know of the model: dimensions, longest input in tokens, prompts."""

    dimensions: int
    max_tokens: int
    query_prompt: str
    passage_prompt: str


def export(model: str, graph: Path, tokenizer: Path) -> ExportedModel:
    """Write the int8 graph and the tokenizer of the sentence-transformers `model` (a folder or a cached hub name)."""
    with _silence():
        from sentence_transformers import SentenceTransformer

        # Attention written out ("eager") traces to a graph that runs an eighth faster than the fused kind's.
        network = SentenceTransformer(model, device="cpu", model_kwargs={"attn_implementation": "eager"})
        network.eval()
        with tempfile.TemporaryDirectory(dir=graph.parent) as scratch:
            _export_float(network, Path(scratch) / "float.onnx")
            # What goes into the matrices that end a block (four times as many rows as columns) has outliers that eight
            # bits cannot hold beside the rest: in float32 they take a tenth more time, and leave a third of the error.
            # With the weights in a file of their own, onnxruntime maps them: half the loading time, 80 MB less memory.
            quantise(
                Path(scratch) / "float.onnx",
                graph,
                operators=["MatMul", "Gather"],
                nodes_to_exclude=_narrowing(Path(scratch) / "float.onnx"),
                use_external_data_format=True,
            )
        network.tokenizer.backend_tokenizer.save(str(tokenizer), pretty=False)
    dimensions = network.get_embedding_dimension()
    assert dimensions is not None  # noqa: S101 - a model that embeds has one
    prompts = network.prompts
    return ExportedModel(
        dimensions=dimensions,
        max_tokens=min(int(network.max_seq_length or 512), 512),
        query_prompt=prompts.get("query") or "",
        passage_prompt=prompts.get("passage") or prompts.get("document") or "",
    )


def _export_float(network: Any, path: Path) -> None:
    import torch

    class Graph(torch.nn.Module):
        """The model's modules in a row, with tensors in and out instead of a dictionary."""

        def __init__(self) -> None:
            super().__init__()
            self.parts = torch.nn.ModuleList(network)
            inputs = inspect.signature(network[0].auto_model.forward).parameters
            self.has_token_types = "token_type_ids" in inputs

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            if self.has_token_types:  # left out, their default shape would be traced as a constant
                features["token_type_ids"] = torch.zeros_like(input_ids)
            for part in self.parts:
                features = part(features)
            return torch.nn.functional.normalize(features["sentence_embedding"], p=2, dim=1)

    example = network.tokenizer(["a passage", "a longer second passage"], padding=True, return_tensors="pt")
    batch_and_tokens = {0: "batch", 1: "tokens"}
    torch.onnx.export(
        Graph(),
        (example["input_ids"], example["attention_mask"]),
        str(path),
        input_names=["input_ids", "attention_mask"],
        output_names=["embedding"],
        dynamic_axes={
            "input_ids": batch_and_tokens,
            "attention_mask": batch_and_tokens,
            "embedding": {0: "batch"},
        },
        opset_version=OPSET,
        dynamo=False,
    )


def quantise(path: Path, graph: Path, *, operators: Sequence[str], **more: Any) -> None:
    """Write the float32 graph in `path` as `graph`, the weights of these operators in int8, a scale per channel.

    `more` goes to onnxruntime's `quantize_dynamic`.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        path,
        graph,
        op_types_to_quantize=list(operators),
        per_channel=True,
        weight_type=QuantType.QInt8,
        # Seven bits of the eight: processors without VNNI add products in 16 bits, which eight would overflow.
        reduce_range=True,
        **more,
    )


def _narrowing(path: Path) -> list[str]:
    """The names of the products whose matrix has at least twice as many rows as columns."""
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    shapes = {weight.name: tuple(weight.dims) for weight in graph.initializer}
    products = [(node.name, shapes.get(node.input[1], ())) for node in graph.node if node.op_type == "MatMul"]
    return [name for name, shape in products if len(shape) == 2 and shape[0] >= 2 * shape[1]]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the libraries' notices and progress bars from the reader's terminal; errors still come through."""
    before = os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS")
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    logging.disable(logging.WARNING)
    try:
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
        if before is None:
            del os.environ["HF_HUB_DISABLE_PROGRESS_BARS"]
        else:
            os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = before
