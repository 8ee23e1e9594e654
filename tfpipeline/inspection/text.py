"""An inspection as text for a terminal: short sections, aligned columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from tfpipeline.inspection.claims import PluginClaims
from tfpipeline.inspection.custom_ops import PLUGIN, RUNTIME, UNKNOWN
from tfpipeline.inspection.model_inspection import (
    GraphSummary,
    ModelInspection,
    OperatorUse,
    TensorSummary,
)
from tfpipeline.inspection.trial import Trial

_LONGEST_NAME = 44
_FEW = 8
_LABELS = 4
_PROVIDERS = {
    PLUGIN: "the tfpipeline plug-in",
    RUNTIME: "built into some runtimes",
    UNKNOWN: "an unknown library",
}


def render(found: ModelInspection, tensors: int = 5, all_operators: bool = False) -> str:
    """Return the whole report.

    Args:
        found: What `inspect_model` returned.
        tensors: How many of the largest stored tensors to list.
        all_operators: Lists every operator, and not only the most frequent.
    """
    sections = [
        _head(found),
        *(_graph(found, graph) for graph in found.entries),
        _operators(found, all_operators),
        _custom(found),
        _bytes(found),
        _tensors(found, tensors),
        _targets(found),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def render_trials(trials: Sequence[Trial]) -> str:
    """Return how the runtimes installed here took the file."""
    rows = [(t.runtime, "runs" if t.runs else "fails", safe(t.detail, 120)) for t in trials]
    return "\n".join(["tried here", *columns(rows or [("no runtime is installed",)])])


def render_claims(claims: PluginClaims) -> str:
    """Return what the plug-in said about the nodes of the file."""
    rows = [(safe(sentence, 300),) for sentence in claims.sentences()]
    return "\n".join([f"with accelerate_builtin in {claims.runtime}", *columns(rows)])


def columns(rows: Iterable[Sequence[str]], right: Sequence[int] = (), indent: int = 2) -> list[str]:
    """Return aligned columns; those numbered in `right` are flush right."""
    table = [list(row) for row in rows]
    if not table:
        return []
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return [
        (" " * indent)
        + "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def safe(text: str, longest: int = _LONGEST_NAME) -> str:
    """Return a name from a file as it may be printed: no control characters, not endless."""
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def amount(value: int, unit: str = "") -> str:
    """Return an amount for people: `1.17 M`, `74.8 kB`, `320 B`."""
    for factor, prefix in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= factor:
            return (
                f"{value / factor:.3g} {prefix}{unit}"
                if value < 999.5 * factor
                else (f"{value / factor:,.0f} {prefix}{unit}")
            )
    return f"{value} {unit}".rstrip()


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _head(found: ModelInspection) -> list[str]:
    about = f", {safe(found.description, 60)!r}" if found.description else ""
    lines = [f"{safe(found.path, 200)}: {found.file_bytes:,} bytes{about}"]
    rows = _card_rows(found.card) if found.card is not None else []
    if found.card_problem:
        rows.append(("model card", safe(found.card_problem, 200)))
    if found.tokenizer is not None or found.tokenizer_problem:
        rows.append(("tokenizer", str(found.tokenizer or safe(found.tokenizer_problem, 200))))
    if found.metadata:
        named = (f"{safe(name)} ({amount(size, 'B')})" for name, size in found.metadata[:_FEW])
        rows.append(("metadata", ", ".join(named)))
    return lines + columns(rows)


def _card_rows(card: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    kind = [card.get("form"), "streaming" if card.get("streaming") else "whole sequence"]
    rows.append(("model card", ", ".join(safe(str(part)) for part in kind if part)))
    labels = card.get("labels")
    if isinstance(labels, list) and labels:
        shown = ", ".join(safe(str(label), 20) for label in labels[:_LABELS])
        more = f", … ({len(labels)})" if len(labels) > _LABELS else ""
        rows.append(("labels", shown + more))
    for key in ("quantization", "ranks"):
        value = card.get(key)
        shown = _short(value) if isinstance(value, str | int | dict) else ""
        if shown:
            rows.append((key, safe(shown, 120)))
    return rows


def _short(value: Any) -> str:
    """Return an entry of the card in a line: the mode first, nothing that was not asked for."""
    if isinstance(value, dict):
        entries = sorted(value.items(), key=lambda item: item[0] != "mode")
        shown = [f"{key} {_short(item)}" for key, item in entries if item not in (None, False, {})]
        return ", ".join(shown[:_FEW]) or "none"
    return "yes" if value is True else str(value)


def _graph(found: ModelInspection, graph: GraphSummary) -> list[str]:
    title = graph.signature if graph.signature is not None else graph.name or "main"
    kind = "signature" if graph.signature is not None else "graph"
    lines = [f"{kind} {safe(title)}: {_plural(graph.operators, 'operator')}"]
    lines += columns(
        [("in", *_tensor(t)) for t in graph.inputs] + [("out", *_tensor(t)) for t in graph.outputs]
    )
    cost = graph.cost
    macs = f"{amount(cost.macs)} multiply-accumulates a call"
    if not cost.exact:
        macs = f"at most {macs}"
    if cost.open_loops:
        macs += f", {_plural(cost.open_loops, 'loop')} of unknown length counted as one run"
    if len(cost.by_operator) > 1:
        most = sorted(cost.by_operator.items(), key=lambda item: -item[1])[:_FEW]
        macs += " (" + ", ".join(f"{safe(name)} {amount(n)}" for name, n in most) + ")"
    memory = f"{amount(cost.arena, 'B')} of activations, estimated"
    if not cost.planned:
        memory = f"at least {memory}"
    if cost.dynamic:
        memory += ", with the sizes that stand in the file"
    rows = [("compute", macs), ("memory", memory)]
    for number, runs in list(cost.calls.items())[:_FEW]:
        called = found.graphs[number]
        size = _plural(called.operators, "operator")
        times = "an unknown number of times" if runs < 0 else f"{runs:,} times"
        rows.append(("runs", f"graph {safe(called.name or str(number))} ({size}) {times}"))
    return lines + columns(rows)


def _tensor(tensor: TensorSummary) -> tuple[str, str, str, str]:
    shape = "(" + ", ".join("?" if size < 0 else str(size) for size in tensor.shape) + ")"
    scale = ""
    if len(tensor.scales) == 1:
        zero_point = tensor.zero_points[0] if tensor.zero_points else 0
        scale = f"scale {tensor.scales[0]:.6g}, zero point {zero_point}"
    elif tensor.scales:
        scale = f"{len(tensor.scales)} scales"
    return safe(tensor.name), tensor.dtype, shape, scale


def _operators(found: ModelInspection, all_of_them: bool) -> list[str]:
    total = sum(use.count for use in found.operators)
    shown = found.operators if all_of_them else found.operators[:_FEW]
    lines = [f"operators: {total:,} in {_plural(len(found.graphs), 'graph')}"]
    lines += columns(
        [(f"{use.count:,}", safe(use.name), f"v{use.version}", _types(use)) for use in shown],
        right=(0,),
    )
    if len(shown) < len(found.operators):
        lines.append(f"  … and {len(found.operators) - len(shown)} more kinds (--ops lists all)")
    return lines


def _types(use: OperatorUse) -> str:
    return f"{use.inputs or '-'} -> {use.outputs or '-'}"


def _custom(found: ModelInspection) -> list[str]:
    if not found.custom_ops:
        return []
    lines = ["custom operators, and who provides them"]
    for use in found.custom_ops:
        provider = _PROVIDERS.get(use.op.provider, use.op.provider)
        lines.append(f"  {use.count:,}  {safe(use.op.name)}: {safe(provider)}")
        # An op without parameters of its own has an empty tuple of them.
        shown = {key: value for key, value in use.op.options.items() if value != ()}
        options = ", ".join(f"{key}={_number(value)}" for key, value in shown.items())
        said = use.op.problem or options or _plural(use.op.option_bytes, "byte") + " of options"
        lines += textwrap.indent(textwrap.fill(safe(said, 400), 92), " " * 5).splitlines()
    return lines


def _number(value: object) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_number, value)) + ")"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _bytes(found: ModelInspection) -> list[str]:
    table, size = found.bytes, max(1, found.file_bytes)
    kinds = sorted(table.by_kind.items(), key=lambda item: -item[1])
    lines = ["bytes"]
    lines += columns(
        [(kind, f"{count:,}", f"{100 * count / size:.1f} %") for kind, count in kinds if count],
        right=(1, 2),
    )
    if table.by_dtype:
        types = ", ".join(f"{name} {amount(n, 'B')}" for name, n in table.by_dtype.items())
        lines.append(f"  constants by type: {types}")
    if table.shared_bytes:
        lines.append(f"  sharing of buffers saves {amount(table.shared_bytes, 'B')}")
    if table.stored_twice:
        lines.append(f"  could be shared: {amount(table.stored_twice, 'B')} stand here twice")
    return lines


def _tensors(found: ModelInspection, count: int) -> list[str]:
    largest = found.bytes.tensors[: max(0, count)]
    if not largest:
        return []
    rows = [
        (
            f"{entry.bytes:,}",
            entry.dtype,
            "(" + ", ".join(map(str, entry.shape)) + ")",
            entry.kind + (f", {100 * entry.density:.0f} % stored" if entry.index_bytes else ""),
            safe(entry.name) + (f" (in {entry.shared_by} tensors)" if entry.shared_by > 1 else ""),
        )
        for entry in largest
    ]
    total = len(found.bytes.tensors)
    return [f"largest stored tensors, {len(rows)} of {total}", *columns(rows, right=(0,))]


def _targets(found: ModelInspection) -> list[str]:
    rows = []
    for coverage in found.targets:
        version = coverage.source.split(" ")[-1]
        first, *others = [
            f"{safe(r.what)}{f' ×{r.count}' if r.count > 1 else ''}: {safe(r.reason, 120)}"
            for r in coverage.refusals
        ] or [""]
        rows.append((coverage.title, version, "yes" if coverage.runs else "no", first))
        rows += [("", "", "", other) for other in others[: _FEW - 1]]
        if len(others) >= _FEW:
            rows.append(("", "", "", f"… and {len(others) - _FEW + 1} more (--json lists all)"))
    return ["runs on", *columns(rows)]
