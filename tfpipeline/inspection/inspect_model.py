"""`inspect_model`: everything that a `.tflite` file says, without an interpreter."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tfpipeline.inspection.bytes_table import count_bytes
from tfpipeline.inspection.cost import CostCounter
from tfpipeline.inspection.coverage import TARGETS, cover
from tfpipeline.inspection.custom_ops import count_custom_ops
from tfpipeline.inspection.graph import Graph, ModelGraph, Signature, Tensor
from tfpipeline.inspection.load_checks import LoadChecks
from tfpipeline.inspection.model_inspection import (
    CustomOpUse,
    GraphSummary,
    ModelInspection,
    OperatorUse,
    TensorSummary,
)
from tfpipeline.inspection.parse import parse
from tfpipeline.inspection.tokenizer_summary import summarize_tokenizer
from tfpipeline.runtime.model_card import CARD_METADATA, complete_card

_MAX_CARD = 16 << 20
_DEEPEST_CARD = 32


def inspect_model(path: str | Path) -> ModelInspection:
    """Read a `.tflite` file and say what is in it, what it costs and where it runs.

    No interpreter is needed and none is started, so a hostile file can do nothing but be refused.

    Args:
        path: The file; of any origin.

    Returns:
        A `ModelInspection`; its `to_dict()` is ready for JSON.

    Raises:
        ModelFileError: the file is missing, no `.tflite` file, or damaged.

    Example:
        >>> found = inspect_model("kws.tflite")                            # doctest: +SKIP
        >>> [target.title for target in found.targets if target.runs]     # doctest: +SKIP
        ['LiteRT 2.3.0', 'tflite-runtime 2.14.0']
    """
    model = parse(path)
    costs = CostCounter(model)
    entries = {signature.graph: signature for signature in reversed(model.signatures)}
    # Without signatures, the interpreter runs graph 0.
    called = {n for graph in model.graphs for op in graph.operators for n in op.calls}
    graphs = tuple(
        _graph(graph, entries.get(graph.index), costs, graph.index not in called or not graph.index)
        for graph in model.graphs
    )
    checks = LoadChecks(model)
    card, card_problem = _card(model)
    tokenizer, tokenizer_problem = summarize_tokenizer(model)
    return ModelInspection(
        path=str(model.path),
        file_bytes=model.size,
        schema_version=model.schema_version,
        description=model.description,
        metadata=tuple((name, model.buffers[buffer][1]) for name, buffer in model.metadata),
        card=card,
        card_problem=card_problem,
        tokenizer=tokenizer,
        tokenizer_problem=tokenizer_problem,
        graphs=graphs,
        signatures=tuple(s.key for s in model.signatures),
        operators=_operators(model),
        custom_ops=tuple(CustomOpUse(op, count) for op, count in count_custom_ops(model)),
        bytes=count_bytes(model),
        targets=tuple(cover(model, target, checks) for target in TARGETS),
    )


def _graph(
    graph: Graph, signature: Signature | None, costs: CostCounter, entry: bool
) -> GraphSummary:
    names = dict((tensor, name) for name, tensor in signature.inputs) if signature else {}
    outputs = dict((tensor, name) for name, tensor in signature.outputs) if signature else {}
    return GraphSummary(
        index=graph.index,
        name=graph.name,
        entry=entry,
        signature=signature.key if signature else None,
        inputs=tuple(_tensor(graph.tensors[n], names.get(n)) for n in graph.inputs),
        outputs=tuple(_tensor(graph.tensors[n], outputs.get(n)) for n in graph.outputs),
        tensors=len(graph.tensors),
        operators=len(graph.operators),
        cost=costs.cost(graph.index),
    )


def _tensor(tensor: Tensor, name: str | None) -> TensorSummary:
    quantization = tensor.quantization
    return TensorSummary(
        name=tensor.name if name is None else name,
        shape=tuple(tensor.signature) if tensor.dynamic and tensor.signature else tensor.shape,
        dtype=tensor.dtype,
        scales=tuple(quantization.scales.tolist()) if quantization else (),
        zero_points=tuple(quantization.zero_points.tolist()) if quantization else (),
    )


def _operators(model: ModelGraph) -> tuple[OperatorUse, ...]:
    """Return operators with the types of what goes in and out, the most frequent first."""
    found: Counter[tuple[str, int, str, str]] = Counter()
    for graph in model.graphs:

        def types(numbers: tuple[int, ...], graph: Graph = graph) -> str:
            named = (graph.tensors[n].dtype for n in numbers if n >= 0)
            return " ".join(dict.fromkeys(named))

        for operator in graph.operators:
            code = operator.code
            key = (code.label, code.version, types(operator.inputs), types(operator.outputs))
            found[key] += 1
    return tuple(OperatorUse(*key, count) for key, count in found.most_common())


def _card(model: ModelGraph) -> tuple[dict[str, Any] | None, str]:
    """Return the model card as far as it can be read; damage is reported, not an error."""
    for name, buffer in model.metadata:
        if name != CARD_METADATA:
            continue
        data = model.content(buffer)
        if len(data) > _MAX_CARD:
            return None, f"its model card has {len(data)} bytes"
        try:
            card = json.loads(bytes(data))
        except (ValueError, RecursionError) as error:
            return None, f"its model card cannot be read ({error})"
        if not isinstance(card, dict):
            return None, "its model card is not a JSON object"
        if _deeper(card, _DEEPEST_CARD):
            return None, f"its model card is nested deeper than {_DEEPEST_CARD}"
        return complete_card(card), ""
    return None, ""


def _deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects lie in each other deeper than `levels`."""
    layer = [value]
    for _ in range(levels):
        layer = [
            item
            for part in layer
            for item in (part.values() if isinstance(part, dict) else part)
            if isinstance(item, dict | list)
        ]
        if not layer:
            return False
    return True
