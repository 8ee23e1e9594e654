"""The result of an inspection, as plain data."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from tfpipeline.inspection.bytes_table import ByteTable
from tfpipeline.inspection.cost import Cost
from tfpipeline.inspection.coverage import TARGET_NAMES, Coverage
from tfpipeline.inspection.custom_ops import PLUGIN, CustomOp
from tfpipeline.inspection.tokenizer_summary import TokenizerSummary


@dataclass(frozen=True)
class TensorSummary:
    """An input or output; -1 in `shape` is a size that the caller chooses."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]


@dataclass(frozen=True)
class GraphSummary:
    """One graph of the file.

    Args:
        entry: Whether it is called from outside, and not only by another graph.
        signature: Its signature, None when it has none.
        cost: One call of it, with the graphs that it runs.
    """

    index: int
    name: str
    entry: bool
    signature: str | None
    inputs: tuple[TensorSummary, ...]
    outputs: tuple[TensorSummary, ...]
    tensors: int
    operators: int
    cost: Cost


@dataclass(frozen=True)
class OperatorUse:
    """Nodes of one operator, version and set of types."""

    name: str
    version: int
    inputs: str
    outputs: str
    count: int


@dataclass(frozen=True)
class CustomOpUse:
    """Custom nodes with the same options."""

    op: CustomOp
    count: int


@dataclass(frozen=True)
class ModelInspection:
    """What `inspect_model` found in a file.

    Args:
        path: The file.
        file_bytes: Its size.
        schema_version: Version of the TensorFlow Lite schema.
        description: The text that its writer left.
        metadata: Name and bytes of each metadata entry.
        card: tfpipeline's model card, None when the file has none that can be read.
        card_problem: Why it cannot be read.
        tokenizer: What makes ids of text, None when the file has none that can be read.
        tokenizer_problem: Why it cannot be read.
        graphs: All graphs.
        signatures: Keys of the signatures.
        operators: What the graphs are made of, the most frequent first.
        custom_ops: Custom nodes, who provides them, and the options of ours.
        bytes: Where the bytes are.
        targets: What each known runtime says to the file.
    """

    path: str
    file_bytes: int
    schema_version: int
    description: str
    metadata: tuple[tuple[str, int], ...]
    card: dict[str, Any] | None = field(repr=False)
    card_problem: str
    tokenizer: TokenizerSummary | None
    tokenizer_problem: str
    graphs: tuple[GraphSummary, ...]
    signatures: tuple[str, ...]
    operators: tuple[OperatorUse, ...]
    custom_ops: tuple[CustomOpUse, ...]
    bytes: ByteTable = field(repr=False)
    targets: tuple[Coverage, ...]

    @property
    def entries(self) -> tuple[GraphSummary, ...]:
        """The graphs that are called from outside."""
        return tuple(graph for graph in self.graphs if graph.entry)

    @property
    def needs_plugin(self) -> bool:
        """Whether the file has operators that only our plug-in provides."""
        return any(use.op.provider == PLUGIN for use in self.custom_ops)

    def target(self, name: str) -> Coverage:
        """Return the answer for one target.

        Raises:
            ValueError: there is no target of this name.
        """
        for coverage in self.targets:
            if coverage.target == name:
                return coverage
        raise ValueError(f"target must be one of {', '.join(TARGET_NAMES)}, received {name!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON; numbers that JSON does not have become text."""
        everything = asdict(self)
        for coverage, found in zip(self.targets, everything["targets"], strict=True):
            found["runs"] = coverage.runs
        plain: dict[str, Any] = _plain(everything)
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
