"""`ledger`: bytes by the formula of a paper, beside the bytes of a file."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import keras

from tfpipeline.compress.size_ledger.cell_sizes import CellSizes
from tfpipeline.compress.size_ledger.formulas import FORMULAS
from tfpipeline.compress.size_ledger.model_parts import parts_of
from tfpipeline.compress.size_ledger.parts import Part
from tfpipeline.compress.size_ledger.size_ledger import LedgerFile, LedgerRow, SizeLedger
from tfpipeline.compress.size_ledger.stored_arrays import stored_arrays


def ledger(
    model: keras.Model | CellSizes,
    *,
    bits: int = 8,
    formula: str = "kusupati",
    tflite: str | Path | None = None,
    exclude: Collection[str] = (),
) -> SizeLedger:
    """Count the bytes of a model as a paper does, and those that a file of it takes.

    The formula of Kusupati et al. (2018) counts one byte a number, and one more for its index in a
    matrix of which less than half is not 0; with `bits=32` four and four. That of Hou et al. (2019)
    counts `bits` a number of a matrix and four bytes for each of all others. Embeddings do not
    count with these. They do with that of Acharya et al. (2019), section 4, where every number
    takes `bits`, those of factors too; a map of ids (`MappedRows`) takes its own one to four bytes
    an id.

    Args:
        model: a built Keras model, whose zeros are counted, or `CellSizes`.
        bits: of a number; 1, 2, 3, 4 or 32 with `"hou"`, 2, 4, 8, 16 or 32 with `"acharya"`, else
            8, 16 or 32.
        formula: whose: `"kusupati"`, `"hou"` or `"acharya"`.
        tflite: a `.tflite` of the model, to have the true bytes of each array, and of what a file
            holds besides: scales, tables, names, the model card.
        exclude: names of layers that do not count. The paper's sizes of language models exclude
            the softmax layer.

    Returns:
        A `SizeLedger`; print it for the table.

    Raises:
        CompressionError: the model is not built.
        ValueError: an argument is out of range, or `exclude` names no layer.
        ModelFileError: `tflite` is no `.tflite` file.

    Example:
        >>> sizes = CellSizes("fast_grnn", features=32, units=100, classes=12, rank=16,
        ...                   recurrent_rank=25, density=0.3, recurrent_density=0.3)
        >>> round(ledger(sizes).kilobytes, 2)
        5.55
    """
    if formula not in FORMULAS:
        raise ValueError(f"`formula` must be one of {list(FORMULAS)}; received {formula!r}.")
    counted = FORMULAS[formula]
    if isinstance(bits, bool) or bits not in counted.bits:
        raise ValueError(f"`bits` must be one of {list(counted.bits)}; received {bits!r}.")
    others: list[Part] = []
    if isinstance(model, CellSizes):
        if exclude or tflite is not None:
            raise ValueError("`exclude` and `tflite` need a Keras model; received CellSizes.")
        parts = list(model.parts())
    else:
        parts, others = parts_of(model, exclude, counted.counts_embeddings)
    file, stored = None, dict[str, int]()
    if tflite is not None:
        file, stored = _in_file(tflite, [*parts, *others])
    rows = tuple(
        LedgerRow(
            part.name,
            part.shape,
            part.density,
            part.bits or bits,
            counted.bytes_of(part, bits),
            stored.get(part.name),
        )
        for part in parts
    )
    return SizeLedger(formula, rows, tuple(part.name for part in others), file)


def _in_file(path: str | Path, parts: list[Part]) -> tuple[LedgerFile, dict[str, int]]:
    # Files can be looked at where Keras is not installed, so this does not come with it.
    from tfpipeline.inspection import inspect_model

    found = inspect_model(path)
    held, others = stored_arrays(parts, found.bytes.tensors)
    return LedgerFile(found.path, found.file_bytes, found.bytes.by_kind, others), held
