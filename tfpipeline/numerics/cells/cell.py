"""What one recurrent cell is: a descriptor, and its equations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

MAX_PARAMETERS = 5
_FUNCTIONS = ("sigmoid", "tanh")


@dataclass(frozen=True)
class Functions:
    """What differs between the float reference and the bits of the kernels.

    Args:
        sigmoid: Of the gates.
        tanh: Of what the gates let through.
        settle: Applied to every new state: the op keeps neither tiny nor huge numbers.
        floor: Applied to what may be tiny before it is multiplied: the op has no subnormal numbers.
        parameters: The cell's numbers by name: scalars, and those of the units `(units,)`.
    """

    sigmoid: Callable[[Any], Any]
    tanh: Callable[[Any], Any]
    settle: Callable[[Any], Any]
    floor: Callable[[Any], Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)


class Step(Protocol):
    """The equations of a cell: one time step."""

    def __call__(
        self,
        p_x: Sequence[FloatArray],
        p_h: Sequence[FloatArray],
        states: Sequence[FloatArray],
        f: Functions,
    ) -> tuple[FloatArray, ...]:
        """Return the new states `(batch, units)`, h first.

        Args:
            p_x: W x plus its bias, an array `(batch, units)` for each gate.
            p_h: The same of U h, plus the second bias row where the cell has one; empty for a cell
                without that product.
            states: The old states.
            f: The functions to use; each operation rounds by itself, in the order written.
        """


@dataclass(frozen=True)
class Gate:
    """One block of `units` rows of both kernels, in Keras' order.

    Args:
        name: As in the equations, such as `z`.
        function: "sigmoid" (Keras' `recurrent_activation`) or "tanh" (`activation`).
        summed: Whether its two products are only ever added.
        holds: Whether a saturated gate keeps the old state, as an update or forget gate does.
        candidate: Whether `activation` reads its sum too, moved by the cell's first unit parameter.
    """

    name: str
    function: str
    summed: bool = True
    holds: bool = False
    candidate: bool = False


@dataclass(frozen=True, eq=False)
class Cell:
    """One kind of recurrent cell: the only place in Python that says what belongs to it.

    Args:
        name: Key of `CELLS`; the op is `tfpipeline.<name>`.
        magic: First four bytes of the op's options.
        gates: The blocks of rows, summed ones first.
        states: Names of what is carried from step to step, h first.
        bias_rows: 1, or 2 where the state's products have a bias of their own.
        step: The equations.
        bounded: Whether |h| <= 1 for any input.
        parameters: Names of the numbers that the equations hold beside weights, up to five.
        unit_parameters: Names of what the equations hold for each unit, in a cell of one gate. They
            lie as rows below those of the bias.
        recurrent: Whether the state is multiplied by a kernel. A cell without one has gates of the
            input alone, which may read a window of several time steps.
        requires: Values that attributes of `RecurrentStep` must have to be exported.

    Raises:
        ValueError: A field is none of these.
    """

    name: str
    magic: bytes
    gates: tuple[Gate, ...]
    states: tuple[str, ...]
    bias_rows: int
    step: Step
    bounded: bool = True
    parameters: tuple[str, ...] = ()
    unit_parameters: tuple[str, ...] = ()
    recurrent: bool = True
    requires: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        summed = [gate.summed for gate in self.gates]
        for good, what in (
            (len(self.magic) == 4, "magic must have four bytes"),
            (summed == sorted(summed, reverse=True), "summed gates must come first"),
            (all(g.function in _FUNCTIONS for g in self.gates), "functions are sigmoid and tanh"),
            (self.bias_rows in (1, 2), "bias_rows must be 1 or 2"),
            (bool(self.states), "states must name h"),
            (len(self.parameters) <= MAX_PARAMETERS, "parameters are five at most"),
            (
                not self.unit_parameters or len(self.gates) == 1,
                "unit_parameters belong to cells of one gate",
            ),
        ):
            if not good:
                raise ValueError(f"cell {self.name!r}: {what}; got {self!r}.")

    @property
    def op_name(self) -> str:
        """Name of the custom op."""
        return f"tfpipeline.{self.name}"

    @property
    def stored_rows(self) -> int:
        """Rows of the bias as it is stored: biases, then the numbers of the units."""
        return self.bias_rows + len(self.unit_parameters)

    def numbers_of_units(self, bias: FloatArray) -> dict[str, FloatArray]:
        """Return the numbers of the units by name, `(units,)` each, from all rows of the bias."""
        return dict(zip(self.unit_parameters, bias[self.bias_rows :], strict=True))

    def rows(self, units: int) -> int:
        """Return the number of rows of the last matrix of either kernel."""
        return len(self.gates) * units

    def summed_rows(self, units: int) -> int:
        """Return how many of these rows, the first ones, are only ever added."""
        return sum(gate.summed for gate in self.gates) * units
