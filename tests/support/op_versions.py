"""Which version of its operator each node of a file asks for, and which one it needs."""

from __future__ import annotations

from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

Node = tuple[str, tuple[int, ...]]
_NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()}


def written_versions(path: Path) -> dict[Node, set[int]]:
    """Versions by operator and types of its inputs and outputs."""
    return _versions(path.read_bytes())


def needed_versions(path: Path) -> dict[Node, set[int]]:
    """The same by TensorFlow's rules, which it applies to every file that it writes.

    What it reads and writes again here is the file itself: pruned weights would be stored sparsely,
    and these have none.
    """
    from tensorflow.lite.python.convert import mlir_sparsify

    return _versions(mlir_sparsify(path.read_bytes()))


def _versions(data: bytes) -> dict[Node, set[int]]:
    model = schema.ModelT.InitFromPackedBuf(data)
    found: dict[Node, set[int]] = {}
    for graph in model.subgraphs:
        for node in graph.operators:
            code = model.operatorCodes[node.opcodeIndex]
            tensors = [graph.tensors[i] for i in [*node.inputs, *node.outputs] if i >= 0]
            name = _NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
            found.setdefault((name, tuple(t.type for t in tensors)), set()).add(code.version)
    return found
