"""The same model with another number of rows in a table of embeddings."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tfpipeline.compress.carry_over import compile_like
from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.embedding_table import EmbeddingTable, embedding_table
from tfpipeline.compress.rebuild import copy_trainable, layer_pairs, rebuild
from tfpipeline.compress.row_report import RowReport
from tfpipeline.layers import MappedRows
from tfpipeline.layers.copying import take_over
from tfpipeline.layers.mapped_rows import map_bits

# Ids whose rows are compared at a time.
_BLOCK = 1 << 14


def replace_rows(
    model: keras.Model,
    table: EmbeddingTable,
    rows: np.ndarray,
    row_of: np.ndarray,
    map_in_model: bool,
    *,
    criterion: str,
    counts: np.ndarray | None,
    own: np.ndarray | None,
) -> tuple[keras.Model, RowReport]:
    """Return the model with these rows, and what that changed.

    All other weights carry over as they are, and so do iteration count, learning rate and the
    optimizer slots of all but the table.

    Args:
        model: built; it is not changed.
        table: of it.
        rows: `(rows, width)`, what it shall have.
        row_of: `(old rows,)`, the new row of each old one.
        map_in_model: whether the model shall take the ids that it took.
        criterion: for the report.
        counts: of the ids, without what is padding, or None.
        own: old rows that are new ones as they are, in the order of these; None for means.

    Raises:
        CompressionError: the configuration does not give the model again.
    """
    name, ids = table.layer.name, table.row_of
    small = rebuild(
        model, lambda c: _with_rows(c, name, len(rows), table.ids, map_in_model), "made smaller"
    )
    layers = layer_pairs(model, small)
    new = embedding_table(small, name)
    if new.variable.shape != rows.shape or (new.mapped is not None) != map_in_model:
        raise CompressionError(
            f"`model` must write its layers into its configuration; {model.name!r}, a "
            f"{type(model).__name__}, came back from it with {name!r} as it was: use a Sequential "
            "or functional model."
        )
    new_ids = row_of[ids].astype(np.int32)
    new.variable.assign(rows.astype(table.rows.dtype))
    if new.mapped is not None:
        new.mapped.row_of.assign(new_ids)
    kept = list(zip(_others(model, table), _others(small, new), strict=True))
    for source, target in kept:
        take_over(target, source)
    replaced = [(table.variable, new.variable)]
    copy_trainable(layers, [*kept, *replaced])
    if model.compiled:
        compile_like(model, small, kept, replaced)
    return small, _report(model, small, table, new, new_ids, criterion, counts, own)


def _others(model: keras.Model, table: EmbeddingTable) -> list[Any]:
    left_out = {id(table.variable)}
    if table.mapped is not None:
        left_out.add(id(table.mapped.row_of))
    return [variable for variable in model.variables if id(variable) not in left_out]


def _report(
    model: keras.Model,
    small: keras.Model,
    table: EmbeddingTable,
    new: EmbeddingTable,
    new_ids: np.ndarray,
    criterion: str,
    counts: np.ndarray | None,
    own: np.ndarray | None,
) -> RowReport:
    before, after, old_ids = table.rows, new.rows, table.row_of
    if own is None:
        kept, alone = None, (np.bincount(new_ids, minlength=len(after)) == 1)[new_ids]
    else:
        # Where ids shared a row before, the first of them stands for it.
        kept = np.unique(old_ids, return_index=True)[1][np.searchsorted(np.unique(old_ids), own)]
        alone = np.isin(old_ids, own)
    squares, lost = np.empty(len(new_ids)), np.empty(len(new_ids))
    for start in range(0, len(new_ids), _BLOCK):
        block = slice(start, start + _BLOCK)
        row = before[old_ids[block]].astype(np.float64)
        squares[block] = (table.spread(row) ** 2).sum(axis=1)
        lost[block] = (table.spread(row - after[new_ids[block]]) ** 2).sum(axis=1)

    def error(weights: Any) -> float:
        total = float((weights * squares).sum())
        return float(np.sqrt((weights * lost).sum() / total)) if total else 0.0

    return RowReport(
        name=table.name,
        criterion=criterion,
        new_ids=new_ids,
        kept_ids=None if kept is None else kept.astype(np.int32),
        rows_before=len(before),
        rows_after=len(after),
        width=before.shape[1],
        map_bits=0 if new.mapped is None else map_bits(len(after)),
        covered=None if counts is None else float(counts[alone].sum() / counts.sum()),
        relative_error=error(1.0),
        counted_error=None if counts is None else error(counts),
        model_parameters_before=model.count_params(),
        model_parameters_after=small.count_params(),
    )


def _with_rows(config: Any, name: str, rows: int, ids: int, mapped: bool) -> Any:
    """Return a configuration in which the embedding of this name has so many rows."""
    if isinstance(config, (list, tuple)):
        return type(config)(_with_rows(item, name, rows, ids, mapped) for item in config)
    if not isinstance(config, dict):
        return config
    inner = config.get("config")
    if isinstance(inner, dict):
        within = inner.get("layer")
        has_map = config.get("class_name") == MappedRows.__name__ and isinstance(within, dict)
        layer = within if has_map else config
        if isinstance(layer, dict) and _is_table(layer, name):
            resized = {**layer["config"], "input_dim": rows}
            if not mapped:
                return {**config, **_class_of(layer), "config": resized}
            own = {**_class_of(layer), "config": resized}
            around = {"name": inner.get("name"), "layer": own, "input_dim": ids}
            return {
                **config,
                "module": MappedRows.__module__,
                "class_name": MappedRows.__name__,
                "registered_name": keras.saving.get_registered_name(MappedRows),
                "config": around,
            }
    return {key: _with_rows(value, name, rows, ids, mapped) for key, value in config.items()}


def _is_table(config: dict[str, Any], name: str) -> bool:
    inner, kind = config.get("config"), config.get("class_name")
    named = isinstance(inner, dict) and inner.get("name") == name
    return named and kind in ("Embedding", "FactoredEmbedding")


def _class_of(config: dict[str, Any]) -> dict[str, Any]:
    return {key: config[key] for key in ("module", "class_name", "registered_name")}
