"""The reader's network: the lower layers of the encoder, and three numbers a token or row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from retrieval.weights import read_weights, weights_file

__all__ = ["Reader", "pretrained", "shipped", "word_vectors"]


class Reader(torch.nn.Module):
    """Word vectors (rows, tokens, dimensions) to the logits that a token begins and ends the answer (rows, tokens).

    The third, (rows,), is that the row answers at all.
    """

    def __init__(self, layers: int) -> None:
        super().__init__()
        from transformers import BertConfig, BertModel

        config = BertConfig(
            vocab_size=1,  # the vectors of words are the encoder's, and stay what they are
            hidden_size=384,
            num_hidden_layers=layers,
            num_attention_heads=12,
            intermediate_size=1536,
            max_position_embeddings=512,
            type_vocab_size=2,
            hidden_dropout_prob=0.0,  # drawing what is dropped takes a tenth of the time, and examples come once
            attention_probs_dropout_prob=0.0,
            pad_token_id=0,
            # written out: its graph runs faster than the fused kind's, and it trains in half the time in bfloat16
            attn_implementation="eager",  # type: ignore[call-arg]
        )
        self.bert = BertModel(config, add_pooling_layer=False)
        self.span = torch.nn.Linear(384, 2)
        self.answers = torch.nn.Linear(384, 1)

    def forward(self, vectors: Any, mask: Any = None) -> tuple[Any, Any, Any]:
        """As the class says; `mask` (rows, tokens) is 0 where a row has ended."""
        hidden = self.bert(inputs_embeds=vectors, attention_mask=mask).last_hidden_state
        span = self.span(hidden)
        return span[..., 0], span[..., 1], self.answers(hidden[:, 0])[:, 0]


def pretrained(folder: Path, layers: int) -> Reader:
    """A reader with the lowest `layers` of the sentence-transformers model in `folder`."""
    from safetensors.torch import load_file

    reader = Reader(layers)
    state = load_file(folder / "model.safetensors")
    del state["embeddings.word_embeddings.weight"]
    wanted = {name for name, _ in reader.bert.named_parameters()}
    kept = {name: tensor for name, tensor in state.items() if name in wanted}
    missing = reader.bert.load_state_dict(kept, strict=False).missing_keys
    assert missing == ["embeddings.word_embeddings.weight"], missing
    return reader


def shipped(path: Path) -> Reader:
    """The reader of a graph that `training.export` made, its int8 weights in float32 again."""
    import onnx

    graph = onnx.load(str(path)).graph
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    state = {name: array for name, array in arrays.items() if name.startswith("bert.") or name.endswith(".bias")}
    for node in graph.node:
        weight = node.input[1].removesuffix("_quantized") if node.op_type == "MatMulInteger" else ""
        if weight:
            products = arrays[f"{weight}_quantized"].astype(np.float32) - arrays[f"{weight}_zero_point"]
            module = node.name.strip("/").rpartition("/")[0].replace("/", ".").removesuffix(".Gemm")
            state[f"{module}.weight"] = (products * arrays[f"{weight}_scale"]).T
    reader = Reader(layers=sum(name.endswith("attention.self.query.bias") for name in state))
    missing, surplus = reader.load_state_dict(
        {name: torch.from_numpy(np.array(array, np.float32, order="C")) for name, array in state.items()}, strict=False
    )
    assert (missing, surplus) == (["bert.embeddings.word_embeddings.weight"], []), (missing, surplus)
    return reader


def word_vectors() -> torch.Tensor:
    """The encoder's vectors of words: (250,002, 384)."""
    words = read_weights(weights_file()).tensors["emb.word"]
    return torch.from_numpy(words.reshape(-1, 384))
