"""The `custom_options` of every recurrent op, version 1: a fixed little-endian struct."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Self

from tfpipeline.numerics.cells import CELLS, Cell
from tfpipeline.numerics.planes import MAX_PLANES, pack_width, unpack_width

VERSION = 1

#: Limits that `prepare` enforces too; they keep every accumulator inside int32.
MAX_UNITS = 16384
MAX_DEPTH = 65536

_LAYOUT = struct.Struct("<4sHHIIIIIfff8Bf")
_RETURN_SEQUENCES = 1 << 0
_GO_BACKWARDS = 1 << 1
_TIME_MAJOR = 1 << 2
_LAYER_NORM = 1 << 3
LARGEST_PARAMETER = 2.0**40
#: Where the parameters of a cell begin: room for three, zeros where it has fewer, or as many as it
#: has.
PARAMETERS = _LAYOUT.size
_LEAST_PARAMETERS = 3
#: Gate functions by name, with the numbers of the bytes: each list begins with what cells usually
#: have there.
RECURRENT_ACTIVATIONS = {
    "sigmoid": 1,
    "hard_sigmoid": 2,
    "quant_sigmoid": 3,
    "quant_sigmoid4": 4,
    "tanh": 5,
    "hard_tanh": 6,
    "relu": 7,
}
ACTIVATIONS = {
    "tanh": 1,
    "hard_tanh": 2,
    "relu": 3,
    "sigmoid": 4,
    "hard_sigmoid": 5,
    "quant_sigmoid": 6,
    "quant_sigmoid4": 7,
}
WEIGHT_BITS = (8, 4, 2)
DEFAULT_STEPS = 4
MAX_STEPS = 8
MAX_WINDOW = 64
#: That of keras.layers.LayerNormalization, 1e-3, as the float32 that is stored.
DEFAULT_EPSILON = 0.0010000000474974513


def options_size(cell: Cell) -> int:
    """Return the bytes of a cell's options: 64, and 4 for each parameter beyond three."""
    return PARAMETERS + 4 * _parameters(cell)


def _parameters(cell: Cell) -> int:
    return max(_LEAST_PARAMETERS, len(cell.parameters))


@dataclass(frozen=True)
class RecurrentOptions:
    """Attributes of one recurrent node.

    Args:
        cell: key of `CELLS`, which gives the op's name and the first four bytes.
        units: size of the state, H.
        input_dim: features of a time step, D.
        rank_x: rank of the factored input kernel; 0 when it is one plain matrix.
        rank_h: rank of the factored recurrent kernel; 0 when it is one plain matrix.
        scale_a_x: scale of the int8 vector between the input factors; 1.0 when unused.
        scale_a_h: scale of the int8 vector between the recurrent factors; 1.0 when unused.
        scale_h: scale of the int8 copy of the state, which is also that of the output `y`.
        return_sequences: `y` has every time step `(B, T, H)`, not only the last one `(B, H)`.
        go_backwards: reads the time steps from the last to the first.
        recurrent_activation: of the gates, a key of `RECURRENT_ACTIVATIONS`.
        activation: of what the gates let through, a key of `ACTIVATIONS`.
        steps_at_once: time steps that share one pass over the input kernel, 1 to 8: speed against
            the latency of the first step. The results do not depend on it.
        weight_bits: width of the weights of W1, W2, U1 and U2, 8, 4 or 2 each; 8 when unused.
        layer_norm: normalizes the products of each gate, with gains.
        epsilon: added to the variances of `layer_norm`, in [2^-40, 1]; the default when unused.
        parameters: values of the cell's parameters, in its order.
        window: time steps that a row of the kernel reads, of a cell without a recurrent kernel.
        planes_x: of how many planes of 2 bits W1 is the sum, 1 to 3; a plain kernel, and no
            `layer_norm`, where there is more than one.
        planes_h: the same of U1.

    Raises:
        ValueError: a size, a scale, a width, a function or a parameter is none of these.

    Example:
        >>> RecurrentOptions("gru", units=8, input_dim=4).op_name
        'tfpipeline.gru'
    """

    cell: str
    units: int
    input_dim: int
    rank_x: int = 0
    rank_h: int = 0
    scale_a_x: float = 1.0
    scale_a_h: float = 1.0
    scale_h: float = 1.0 / 127.0
    return_sequences: bool = True
    go_backwards: bool = False
    recurrent_activation: str = "sigmoid"
    activation: str = "tanh"
    steps_at_once: int = DEFAULT_STEPS
    weight_bits: tuple[int, int, int, int] = (8, 8, 8, 8)
    layer_norm: bool = False
    epsilon: float = DEFAULT_EPSILON
    parameters: tuple[float, ...] = ()
    window: int = 1
    planes_x: int = 1
    planes_h: int = 1

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ValueError(f"cell must be one of {', '.join(CELLS)}; got {self.cell!r}.")
        for name, low, high in (
            ("units", 1, MAX_UNITS),
            ("input_dim", 1, MAX_DEPTH),
            ("rank_x", 0, MAX_UNITS),
            ("rank_h", 0, MAX_UNITS),
            ("steps_at_once", 1, MAX_STEPS),
            ("window", 1, MAX_WINDOW),
            ("planes_x", 1, MAX_PLANES),
            ("planes_h", 1, MAX_PLANES),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must lie in [{low}, {high}]; got {value!r}.")
        for name in ("scale_a_x", "scale_a_h", "scale_h"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 2.0**-40 <= value <= 2.0**40):
                raise ValueError(f"{name} must lie in [2^-40, 2^40]; got {value!r}.")
        if not 2.0**-40 <= self.epsilon <= 1.0:
            raise ValueError(f"epsilon must lie in [2^-40, 1]; got {self.epsilon!r}.")
        for name, known in (
            ("recurrent_activation", RECURRENT_ACTIVATIONS),
            ("activation", ACTIVATIONS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {', '.join(known)}; got {getattr(self, name)!r}."
                )
        if len(self.weight_bits) != 4 or any(b not in WEIGHT_BITS for b in self.weight_bits):
            raise ValueError(f"weight_bits must be four of 8, 4 or 2; got {self.weight_bits!r}.")
        self._check_planes()
        if self.window * self.input_dim > MAX_DEPTH:
            raise ValueError(
                f"window times input_dim must be at most {MAX_DEPTH}; got {self.window} and "
                f"{self.input_dim}."
            )
        if self.recurrent_cell.recurrent and self.window > 1:
            raise ValueError(f"window must be 1 for cell {self.cell!r}; got {self.window}.")
        if not self.recurrent_cell.recurrent and self.rank_h:
            raise ValueError(f"rank_h must be 0 for cell {self.cell!r}; got {self.rank_h}.")
        if self.go_backwards and self.window > 1:
            raise ValueError("go_backwards must be False with a window of several time steps.")
        names = self.recurrent_cell.parameters
        inside = all(abs(value) <= LARGEST_PARAMETER for value in self.parameters)
        if len(self.parameters) != len(names) or not inside:
            raise ValueError(
                f"parameters of cell {self.cell!r} must be {len(names)} numbers in [-2^40, 2^40] "
                f"({', '.join(names) or 'none'}); got {self.parameters!r}."
            )

    def _check_planes(self) -> None:
        for part, rank, place in (("x", self.rank_x, 0), ("h", self.rank_h, 2)):
            planes, bits = getattr(self, f"planes_{part}"), self.weight_bits[place]
            absent = part == "h" and not self.recurrent_cell.recurrent
            if planes > 1 and (rank or bits != 2 or self.layer_norm or absent):
                raise ValueError(
                    f"planes_{part} must be 1 but for a plain kernel of 2 bits without layer_norm; "
                    f"got {planes} with rank {rank}, {bits} bits and layer_norm {self.layer_norm}."
                )

    @property
    def recurrent_cell(self) -> Cell:
        """The cell."""
        return CELLS[self.cell]

    @property
    def op_name(self) -> str:
        """Name of the custom op."""
        return self.recurrent_cell.op_name

    def pack(self) -> bytes:
        """Return the bytes that go into the operator's `custom_options`."""
        flags = self.return_sequences * _RETURN_SEQUENCES | self.go_backwards * _GO_BACKWARDS
        flags |= self.layer_norm * _LAYER_NORM
        head = _LAYOUT.pack(
            self.recurrent_cell.magic,
            VERSION,
            options_size(self.recurrent_cell),
            flags,
            self.units,
            self.input_dim,
            self.rank_x,
            self.rank_h,
            self.scale_a_x,
            self.scale_a_h,
            self.scale_h,
            RECURRENT_ACTIVATIONS[self.recurrent_activation],
            ACTIVATIONS[self.activation],
            0 if self.steps_at_once == DEFAULT_STEPS else self.steps_at_once,
            *map(pack_width, self.weight_bits, (self.planes_x, 1, self.planes_h, 1)),
            0 if self.window == 1 else self.window,
            self.epsilon if self.layer_norm else 0.0,
        )
        count = _parameters(self.recurrent_cell)
        numbers = [*self.parameters, *[0.0] * (count - len(self.parameters))]
        return head + struct.pack(f"<{count}f", *numbers)

    @classmethod
    def unpack(cls, data: bytes, cell: str | None = None) -> Self:
        """Read the bytes of `pack`; numbers come back as the float32 values stored.

        Args:
            data: The bytes.
            cell: What the op's name says; None takes what the bytes begin with.

        Raises:
            ValueError: The bytes are not version 1 options of this op, or of any.
        """
        expected = {known.magic: name for name, known in CELLS.items() if cell in (None, name)}
        op_name = "a recurrent op" if cell is None else CELLS[cell].op_name
        if len(data) < PARAMETERS:
            raise ValueError(
                f"custom_options of {op_name} must have {PARAMETERS} bytes and parameters; got "
                f"{len(data)}."
            )
        magic, version, size, flags, *fields = _LAYOUT.unpack(data[:PARAMETERS])
        units, input_dim, rank_x, rank_h, a_x, a_h, h, gate, act, steps, *small = fields
        *widths, window, epsilon = small
        bits, planes = zip(*map(unpack_width, widths), strict=True)
        layer_norm = bool(flags & _LAYER_NORM)
        if magic not in expected:
            magics = " or ".join(map(repr, expected))
            raise ValueError(
                f"custom_options of {op_name} must begin with {magics}; got {magic!r}."
            )
        found = CELLS[expected[magic]]
        if len(data) != options_size(found):
            raise ValueError(
                f"custom_options of {found.op_name} must have {options_size(found)} bytes; got "
                f"{len(data)}."
            )
        parameters = struct.unpack(f"<{_parameters(found)}f", data[PARAMETERS:])
        if version != VERSION:
            raise ValueError(
                f"{found.op_name} options have version {version}, this tfpipeline reads {VERSION}: "
                "upgrade tfpipeline, or export the model again."
            )
        known = _RETURN_SEQUENCES | _GO_BACKWARDS | _LAYER_NORM
        used = PARAMETERS + 4 * len(found.parameters)
        reserved = (b"" if layer_norm else data[48:52]) + data[used:]
        gates = [n for n, number in RECURRENT_ACTIVATIONS.items() if number == gate]
        functions = [n for n, number in ACTIVATIONS.items() if number == act]
        strange = any(reserved) or planes[1] > 1 or planes[3] > 1
        if size != len(data) or flags & ~known or not gates or not functions or strange:
            raise ValueError(
                f"custom_options of {found.op_name} version {VERSION} hold a size ({size}), flags "
                f"({flags:#x}), gate functions ({gate}, {act}) or reserved bytes not in its spec."
            )
        return cls(
            cell=found.name,
            units=units,
            input_dim=input_dim,
            rank_x=rank_x,
            rank_h=rank_h,
            scale_a_x=a_x,
            scale_a_h=a_h,
            scale_h=h,
            return_sequences=bool(flags & _RETURN_SEQUENCES),
            go_backwards=bool(flags & _GO_BACKWARDS),
            recurrent_activation=gates[0],
            activation=functions[0],
            steps_at_once=steps or DEFAULT_STEPS,
            weight_bits=bits,
            layer_norm=layer_norm,
            epsilon=epsilon if layer_norm else DEFAULT_EPSILON,
            parameters=parameters[: len(found.parameters)],
            window=window or 1,
            planes_x=planes[0],
            planes_h=planes[2],
        )
