"""Models with the bytes of their inputs and outputs as files, for programs that are not Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from embedding_models import embedding_model, make_embedding
from factored_models import factored_model, make_factored
from fully_connected_models import layer_model, make_layer
from recurrent_models import feeds, make_case, op_model

from tfpipeline.numerics import ops
from tfpipeline.numerics.cells import CELLS


@dataclass(frozen=True)
class ModelFile:
    """A model; its inputs one after the other; and what its outputs must be."""

    model: Path
    inputs: Path
    expected: bytes

    @staticmethod
    def write(
        folder: Path, model: bytes, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
    ) -> ModelFile:
        files = ModelFile(
            folder / "model.tflite", folder / "inputs", b"".join(v.tobytes() for v in outputs)
        )
        files.model.write_bytes(model)
        files.inputs.write_bytes(b"".join(v.tobytes() for v in inputs))
        return files


#: What stands after "tfpipeline." in the ops' names.
OPS = [name.removeprefix("tfpipeline.") for name in ops.OPS]


def model_file(op: str, folder: Path, custom: bool = True) -> ModelFile:
    """A model of one op; of a fully connected layer also as the builtin op."""
    if op in CELLS:
        case = make_case(rank_x=6, rank_h=7, batch=2, cell=op, lengths=True, layer_norm=True)
        inputs = list(feeds(case).values())
        return ModelFile.write(folder, op_model(case).build(), inputs, case.reference())
    if op == "factored_fully_connected":
        pair = make_factored(1100, 320, 300, 3)
        return ModelFile.write(folder, factored_model(pair), [pair.x], [pair.reference()])
    if op == "embedding":
        lookup = make_embedding(500, 29, 300, (1, 13), (4, 8))
        return ModelFile.write(folder, embedding_model(lookup), [lookup.ids], [lookup.reference()])
    assert op == "fully_connected", f"no model of {op}: write one here"
    layer = make_layer(1100, 320, 3)
    return ModelFile.write(folder, layer_model(layer, custom), [layer.x], [layer.reference()])
