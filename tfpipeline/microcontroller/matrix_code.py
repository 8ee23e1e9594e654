"""One int8 matrix as C: its tables and the function that multiplies a vector with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

#: Columns that a loop multiplies at once, so that each number of the vector is read once for all.
BLOCK = 4
_NUMBERS_A_LINE = 20
#: How a product's function is declared: with the eight low registers of a Cortex-M0+ to itself.
APART = "TFPIPELINE_APART"
APART_DEFINITION = f"""\
#ifndef {APART}
#ifdef __GNUC__
/* Not inlined: the loop would share its registers, and gcc compute addresses in it again. */
#define {APART} static __attribute__((noinline, unused))
#else
#define {APART} static inline
#endif
#endif
"""
#: How many values a byte has, and so how many rows.
_VALUES = 256


@dataclass(frozen=True, eq=False)
class MatrixCode:
    """`y = v M`, whole or sparse, whichever takes fewer bytes.

    A sparse matrix is stored by columns: how many numbers each column has, and of each number its
    value and its row. This is the form that the paper counts: a byte each, together in a uint16,
    where there are at most 256 rows; otherwise a table of bytes and one of uint16.

    Args:
        name: of the function; the tables begin with it.
        matrix: `(rows, columns)`, int8.
        vector: C type of the vector's numbers.
    """

    name: str
    matrix: np.ndarray
    vector: str = "int16_t"

    @property
    def rows(self) -> int:
        return int(self.matrix.shape[0])

    @property
    def columns(self) -> int:
        return int(self.matrix.shape[1])

    @property
    def stored(self) -> int:
        """How many numbers are not 0."""
        return int(np.count_nonzero(self.matrix))

    @property
    def is_sparse(self) -> bool:
        return self.stored > 0 and self._sparse_bytes < self.matrix.size

    @property
    def bytes(self) -> int:
        """Bytes of the tables."""
        return self._sparse_bytes if self.is_sparse else int(self.matrix.size)

    def tables(self) -> str:
        """Return the definitions of the tables."""
        if not self.is_sparse:
            return table("int8_t", f"{self.name}_w", self._in_blocks())
        columns, rows = np.nonzero(self.matrix.T)
        values = self.matrix.T[columns, rows]
        counts = np.count_nonzero(self.matrix, axis=0)
        entries = [
            table("int8_t", f"{self.name}_w", values),
            table("uint16_t", f"{self.name}_row", rows),
        ]
        if self._in_pairs:
            pairs = rows * _VALUES + (values.astype(np.int64) & (_VALUES - 1))
            entries = [table("uint16_t", f"{self.name}_w", pairs)]
        return "\n".join((*entries, table(self._count_type, f"{self.name}_count", counts)))

    def function(self) -> str:
        """Return the definition of `NAME(v, y)`."""
        body = self._sparse_body() if self.is_sparse else self._dense_body()
        return (
            f"{APART} void {self.name}(const {self.vector} *v, int32_t *y)\n"
            "{\n" + "\n".join(f"    {line}" for line in body) + "\n}\n"
        )

    def _sparse_body(self) -> list[str]:
        rows = [f"const uint16_t *row = {self.name}_row;"]
        product = "(int32_t)v[*row++] * *w++"
        kind = "int8_t"
        if self._in_pairs:
            # One load for both, from a pointer that moves: 13 cycles of a Cortex-M0+ in all.
            rows, kind = [], "uint16_t"
            product = "(int32_t)v[*w >> 8] * (int8_t)(*w & 255u)"
        step = ["        ++w;"] if self._in_pairs else []
        return [
            f"const {kind} *w = {self.name}_w;",
            *rows,
            "unsigned j;",
            f"for (j = 0; j < {self.columns}; ++j) {{",
            f"    const {kind} *const end = w + {self.name}_count[j];",
            "    int32_t sum = 0;",
            "    if (w != end) do {",
            f"        sum += {product};",
            *step,
            "    } while (w != end);",
            "    y[j] = sum;",
            "}",
        ]

    def _dense_body(self) -> list[str]:
        blocks, rest = divmod(self.columns, BLOCK)
        lines = [f"const int8_t *w = {self.name}_w;", "unsigned i;"]
        if blocks:
            lines += [f"const int32_t *const end = y + {blocks * BLOCK};", "while (y != end) {"]
            lines += [f"    {line}" for line in self._block(BLOCK)]
            lines += ["}"]
        if rest:
            lines += ["{"] if blocks else []
            lines += [f"    {line}" if blocks else line for line in self._block(rest)]
            lines += ["}"] if blocks else []
        return lines

    def _block(self, width: int) -> list[str]:
        names = [f"s{k}" for k in range(width)]
        return [
            f"int32_t {', '.join(f'{name} = 0' for name in names)};",
            f"for (i = 0; i < {self.rows}; ++i) {{",
            "    const int32_t a = v[i];",
            *(f"    {name} += a * w[{k}];" for k, name in enumerate(names)),
            f"    w += {width};",
            "}",
            *(f"y[{k}] = {name};" for k, name in enumerate(names)),
            f"y += {width};",
        ]

    def _in_blocks(self) -> np.ndarray:
        """Return the numbers in the order in which the loops read them."""
        edge = self.columns // BLOCK * BLOCK
        blocks = self.matrix[:, :edge].reshape(self.rows, -1, BLOCK).transpose(1, 0, 2)
        return np.concatenate([blocks.ravel(), self.matrix[:, edge:].ravel()])

    @property
    def _in_pairs(self) -> bool:
        return self.rows <= _VALUES

    @property
    def _count_type(self) -> str:
        return smallest_type(int(np.count_nonzero(self.matrix, axis=0).max()))

    @property
    def _sparse_bytes(self) -> int:
        count = 1 if self._count_type == "uint8_t" else 2
        return self.stored * (2 if self._in_pairs else 3) + self.columns * count


def smallest_type(largest: int) -> str:
    """Return the C type of an index."""
    return "uint8_t" if largest < 1 << 8 else "uint16_t"


def table(kind: str, name: str, numbers: Iterable[int]) -> str:
    """Return the definition of a constant array."""
    texts = [str(int(number)) for number in numbers]
    lines = (texts[i : i + _NUMBERS_A_LINE] for i in range(0, len(texts), _NUMBERS_A_LINE))
    rows = ",\n".join("    " + ", ".join(line) for line in lines)
    return f"static const {kind} {name}[{len(texts)}] = {{\n{rows}\n}};"
