"""A sentence-transformers folder becomes an int8 ONNX graph: the only file that loads torch.

The graph takes `input_ids` and `attention_mask` (batch, tokens; int64) and gives `embedding` (batch, dimensions;
float32, unit length), the model's own pooling inside. Weights are int8, a scale per channel, the embedding table
included: per tensor, 3 to 5 % of the cosine would be lost.

What goes into a product has a scale for all its channels, and a few of them are many times as large as the rest, in any
text: these are multiplied apart, in float32. Source: Dettmers et al. 2022, "LLM.int8()", section 3.2.
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

__all__ = ["ExportedModel", "export", "multiply_apart", "quantise"]

OPSET = 17
APART = "apart"  # the part of a product that stays float32
# A channel stands out that is so many times as large as the one of this rank; what stands out does so in any text.
STANDING_OUT, RANK = 2.0, 16
SAMPLES = (
    "The second phase, worth $25.2 billion, was agreed in Beijing on 5 July 2023, said the minister: what is new?",
    "گوادر کی بندرگاہ پر 2023 میں کتنے جہاز لنگر انداز ہوئے؟ وزیر نے کہا کہ منصوبہ جاری رہے گا۔",
    "中巴经济走廊第二阶段包括哪些项目？部长表示，2023年的贸易额增长了12%。",
)


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
        multiply_apart(network)
        with tempfile.TemporaryDirectory(dir=graph.parent) as scratch:
            _export_float(network, Path(scratch) / "float.onnx")
            # With the weights in a file of their own, onnxruntime maps them: half the loading time, 80 MB less memory.
            quantise(
                Path(scratch) / "float.onnx",
                graph,
                operators=["MatMul", "Gather"],
                nodes_to_exclude=_apart(Path(scratch) / "float.onnx"),
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


def multiply_apart(network: Any) -> None:
    """Part the network's linear layers in two: what stands out of their inputs, and the rest.

    Of W x, W (outputs, inputs), the columns of what stands out are put into a product of their own and are zero in the
    first, and so is what is multiplied with them: the sum of both stays W x.
    """
    import torch

    class Parted(torch.nn.Module):
        """A linear layer as the sum of two, the second of `channels` alone."""

        def __init__(self, linear: Any, channels: Any) -> None:
            super().__init__()
            self.rest, self.apart = linear, torch.nn.Linear(len(channels), linear.out_features, bias=False)
            self.register_buffer("channels", channels)
            self.register_buffer("others", torch.ones(linear.in_features).index_fill(0, channels, 0.0))
            self.apart.weight.data = linear.weight.data[:, channels].clone()
            linear.weight.data[:, channels] = 0

        def forward(self, values: Any) -> Any:
            return self.rest(values * self.others) + self.apart(values[..., self.channels])

    linears = {name: part for name, part in network.named_modules() if isinstance(part, torch.nn.Linear)}
    for name, largest in _largest_inputs(network, linears).items():
        ranked = largest.sort(descending=True).values
        channels = (largest > STANDING_OUT * ranked[min(RANK, len(ranked)) - 1]).nonzero()[:, 0]
        if len(channels):
            parent, _, own = name.rpartition(".")
            setattr(network.get_submodule(parent), own, Parted(linears[name], channels))


def _largest_inputs(network: Any, linears: dict[str, Any]) -> dict[str, Any]:
    """The largest size that each number of what goes into these layers has in `SAMPLES`, (inputs,) by name."""
    import torch

    largest = {name: torch.zeros(linear.in_features) for name, linear in linears.items()}

    def watching(name: str) -> Any:
        def watch(_linear: Any, values: Any) -> None:
            seen = values[0].detach().abs().reshape(-1, values[0].shape[-1]).amax(0)
            largest[name] = torch.maximum(largest[name], seen)

        return watch

    hooks = [linear.register_forward_pre_hook(watching(name)) for name, linear in linears.items()]
    with torch.no_grad():
        network.encode(list(SAMPLES))
    for hook in hooks:
        hook.remove()
    return largest


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


def _apart(path: Path) -> list[str]:
    """The names of the products that stay float32."""
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    return [node.name for node in graph.node if node.op_type == "MatMul" and f"/{APART}/" in node.name]


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
