"""What a truncation did to each matrix."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class MatrixTruncation:
    """One factored matrix before and after.

    Args:
        name: `"<layer>/<matrix>"`.
        shape: of the product.
        singular_values: before, largest first.
        rank_before, rank_after: inner sizes of the factors.
        explained_variance: share of the squared singular values that was kept.
        parameters_before, parameters_after: numbers in both factors.
        dense_parameters: numbers of the same matrix unfactored.
    """

    name: str
    shape: tuple[int, int]
    singular_values: tuple[float, ...]
    rank_before: int
    rank_after: int
    explained_variance: float
    parameters_before: int
    parameters_after: int
    dense_parameters: int


@dataclass(frozen=True)
class TruncationReport:
    """Outcome of `tfpipeline.compress.truncate`.

    Args:
        criterion: what was asked for, such as `"explained_variance=0.9"`.
        matrices: one entry a factored matrix, in the model's order.
        model_parameters_before, model_parameters_after: of the whole model, biases included.
    """

    criterion: str
    matrices: tuple[MatrixTruncation, ...]
    model_parameters_before: int
    model_parameters_after: int

    @property
    def ranks(self) -> dict[str, int]:
        """Rank after, by matrix name."""
        return {matrix.name: matrix.rank_after for matrix in self.matrices}

    @property
    def parameters(self) -> int:
        """Numbers in all factors after."""
        return sum(matrix.parameters_after for matrix in self.matrices)

    @property
    def dense_parameters(self) -> int:
        """Numbers of all these matrices unfactored."""
        return sum(matrix.dense_parameters for matrix in self.matrices)

    @property
    def fraction_of_dense(self) -> float:
        """`parameters / dense_parameters`."""
        return self.parameters / self.dense_parameters

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, strings, lists and dicts, for JSON."""
        matrices = []
        for matrix in self.matrices:
            entry = asdict(matrix)
            entry["shape"] = list(matrix.shape)
            entry["singular_values"] = list(matrix.singular_values)
            matrices.append(entry)
        return {
            "criterion": self.criterion,
            "matrices": matrices,
            "model_parameters_before": self.model_parameters_before,
            "model_parameters_after": self.model_parameters_after,
            "parameters": self.parameters,
            "dense_parameters": self.dense_parameters,
            "fraction_of_dense": self.fraction_of_dense,
        }

    def __str__(self) -> str:
        lines = [
            f"{matrix.name} {matrix.shape[0]}x{matrix.shape[1]}: rank {matrix.rank_before} -> "
            f"{matrix.rank_after}, {matrix.parameters_after} of {matrix.dense_parameters} dense "
            f"parameters, {100 * matrix.explained_variance:.1f} % explained"
            for matrix in self.matrices
        ]
        lines.append(
            f"all ({self.criterion}): {self.parameters} of {self.dense_parameters} dense "
            f"parameters ({100 * self.fraction_of_dense:.1f} %); "
            f"model {self.model_parameters_before} -> {self.model_parameters_after}"
        )
        return "\n".join(lines)
