"""A recurrent layer and its classifier, described by the numbers that papers print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tfpipeline.compress.size_ledger.parts import Part


@dataclass(frozen=True)
class _Counts:
    gates: int
    biases: int
    scalars: int = 0


#: Blocks of the kernels, of the bias, and numbers beside them.
_CELLS: Mapping[str, _Counts] = {
    "simple_rnn": _Counts(1, 1),
    "fast_rnn": _Counts(1, 1, 2),
    "fast_grnn": _Counts(1, 2, 2),
    "ugrnn": _Counts(2, 2),
    "gru": _Counts(3, 3),
    "lstm": _Counts(4, 4),
}

#: Numbers of a normalized unit: gain, offset, and mean and variance where they are fixed.
_NORMALIZATIONS: Mapping[str, int] = {
    "weight": 1,
    "layer": 2,
    "batch_shared": 4,
    "batch_separate": 2,
}

#: What the paper calls -LSQ, -SQ, -Q and nothing: what is done to the model, and bits of a number.
VARIANTS: Mapping[str, tuple[str, int]] = {
    "dense": ("", 32),
    "l": ("rank", 32),
    "ls": ("rank density", 32),
    "lsq": ("rank density", 8),
}


@dataclass(frozen=True)
class CellSizes:
    """Hyper-parameters of a recurrent layer with a classifier, to count bytes without a model.

    Args:
        cell: `"simple_rnn"`, `"fast_rnn"`, `"fast_grnn"`, `"ugrnn"`, `"gru"` or `"lstm"`.
        features: numbers of a time step.
        units: width of the state.
        classes: of the classifier; 0 for none.
        rank: of the input kernel; None for a plain matrix.
        recurrent_rank: of the recurrent kernel.
        density: share of the numbers of each input matrix that are not 0.
        recurrent_density: the same of the recurrent matrices.
        normalization: of the products of a `NormalizedLSTM`: None, `"weight"`, `"layer"`,
            `"batch_shared"` or `"batch_separate"`.
        time_steps: how many have statistics of their own with `"batch_separate"`.
        normalized_state: whether the state of an LSTM's cell is normalized too, as SBN and STN do.

    Raises:
        ValueError: an argument is none of these.
    """

    cell: str
    features: int
    units: int
    classes: int = 0
    rank: int | None = None
    recurrent_rank: int | None = None
    density: float = 1.0
    recurrent_density: float = 1.0
    normalization: str | None = None
    time_steps: int | None = None
    normalized_state: bool = False

    def __post_init__(self) -> None:
        if self.cell not in _CELLS:
            raise ValueError(f"`cell` must be one of {list(_CELLS)}; received {self.cell!r}.")
        for name, least in (("features", 1), ("units", 1), ("classes", 0)):
            _check_whole(name, getattr(self, name), least)
        for name in ("rank", "recurrent_rank"):
            if getattr(self, name) is not None:
                _check_whole(name, getattr(self, name), 1)
        for name in ("density", "recurrent_density"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ValueError(f"`{name}` must lie in [0, 1]; received {value!r}.")

        if self.normalization is not None and self.normalization not in _NORMALIZATIONS:
            raise ValueError(
                f"`normalization` must be one of {list(_NORMALIZATIONS)} or None; received "
                f"{self.normalization!r}."
            )
        separate = self.normalization == "batch_separate"
        if separate:
            _check_whole("time_steps", self.time_steps, 1)
        elif self.time_steps is not None or self.normalized_state:
            raise ValueError(
                "`time_steps` and `normalized_state` must be left out without "
                f"normalization='batch_separate'; received {self.time_steps!r} and "
                f"{self.normalized_state!r}."
            )

    def variant(self, name: str) -> CellSizes:
        """Return the sizes before low rank, sparsity or both: `"dense"`, `"l"`, `"ls"`, `"lsq"`.

        Raises:
            ValueError: there is no such variant.
        """
        if name not in VARIANTS:
            raise ValueError(f"`name` must be one of {list(VARIANTS)}; received {name!r}.")
        kept = VARIANTS[name][0].split()
        changes: dict[str, Any] = {}
        if "rank" not in kept:
            changes |= {"rank": None, "recurrent_rank": None}
        if "density" not in kept:
            changes |= {"density": 1.0, "recurrent_density": 1.0}
        return replace(self, **changes)

    def parts(self) -> tuple[Part, ...]:
        """Return the arrays of such a layer."""
        counts, cell = _CELLS[self.cell], self.cell
        columns = counts.gates * self.units
        parts = [
            *_matrices(f"{cell}/kernel", self.features, columns, self.rank, self.density),
            *_matrices(
                f"{cell}/recurrent_kernel",
                self.units,
                columns,
                self.recurrent_rank,
                self.recurrent_density,
            ),
            Part(f"{cell}/bias", (counts.biases, self.units), matrix=False),
        ]
        parts += self._normalizers(columns)
        if counts.scalars:
            parts.append(Part(f"{cell}/scalars", (counts.scalars,), matrix=False))
        if self.classes:
            parts.append(Part("classifier/kernel", (self.units, self.classes)))
            parts.append(Part("classifier/bias", (self.classes,), matrix=False))
        return tuple(parts)

    def _normalizers(self, columns: int) -> list[Part]:
        if self.normalization is None:
            return []
        numbers = _NORMALIZATIONS[self.normalization]
        if self.time_steps is not None:
            numbers += 2 * self.time_steps
        widths = {"kernel": columns, "recurrent_kernel": columns}
        if self.normalized_state:
            widths["state"] = self.units
        return [
            Part(f"{self.cell}/{name}_normalization", (numbers, width), matrix=False)
            for name, width in widths.items()
        ]


def _matrices(
    name: str, rows: int, columns: int, rank: int | None, density: float
) -> tuple[Part, ...]:
    if rank is None:
        return (Part(name, (rows, columns), density),)
    left = Part(f"{name}_left", (rows, rank), density)
    return left, Part(f"{name}_right", (rank, columns), density)


def _check_whole(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"`{name}` must be an int of at least {least}; received {value!r}.")
