"""A graph, ready to run: one thread, so that as many run side by side as there are askers and cores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = ["session"]

# To add and to normalise in one step takes onnxruntime longer than in two: a tenth of a passage's time.
LEFT_OUT = ["SkipLayerNormFusion"]


def session(graph: Path) -> InferenceSession:
    """The graph in that file; whatever onnxruntime raises where it is missing, cut or changed."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    providers = ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(str(graph), options, providers=providers, disabled_optimizers=LEFT_OUT)
