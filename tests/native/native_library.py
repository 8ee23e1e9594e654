"""The native library through ctypes: its table of kernels, and the op on raw pointers."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from ctypes import (
    CFUNCTYPE,
    POINTER,
    c_bool,
    c_char_p,
    c_float,
    c_int,
    c_int16,
    c_int32,
    c_int64,
    c_size_t,
    c_uint8,
    c_void_p,
)
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from recurrent_models import Case

from tfpipeline.numerics.activations import FUNCTIONS, PiecewiseLinear
from tfpipeline.numerics.cells.cell import MAX_PARAMETERS
from tfpipeline.numerics.fully_connected import pack_rows
from tfpipeline.runtime.native import library_path

ROW_BLOCK = 16
MAX_BATCH = 8
_HEADER = Path(__file__).resolve().parents[2] / "custom_ops" / "kernels" / "tfp_cells.h"


@dataclass(frozen=True)
class CellRow:
    """A row of `TFP_CELLS`, the list of cells in C."""

    index: int
    name: str
    magic: bytes
    products: int
    gates: int
    bias_rows: int
    unit_rows: int
    parameters: int
    states: tuple[str, ...]


def cell_rows() -> list[CellRow]:
    """All of them, in the order of `tfp_variant.gates`."""
    text = _HEADER.read_text(encoding="utf-8")
    table = text[text.index("#define TFP_CELLS(X)") :].split("\n\n")[0]
    rows = re.findall(r'X\((\w+), "(\w{4})", (\d), (\d), (\d), (\d), (\d), ([^)]*)\)', table)
    return [
        CellRow(
            i,
            name,
            magic.encode(),
            int(products),
            int(gates),
            int(bias_rows),
            int(unit_rows),
            int(parameters),
            tuple(re.findall(r'"(\w+)"', states)),
        )
        for i, (
            name,
            magic,
            products,
            gates,
            bias_rows,
            unit_rows,
            parameters,
            states,
        ) in enumerate(rows)
    ]


def cell_row(name: str) -> CellRow:
    """The row of the cell called `name`."""
    return next(row for row in cell_rows() if row.name == name)


class Affine(ctypes.Structure):
    """`tfp_affine`."""

    _fields_ = [("scale", c_float), ("zero_point", c_int32)]


class GateFunction(ctypes.Structure):
    """`tfp_gate_function`."""

    _fields_ = [
        ("kind", c_int),
        *((name, c_float) for name in ("slope", "offset", "low", "high")),
    ]

    @classmethod
    def of(cls, name: str) -> GateFunction:
        """The one called `name`."""
        function = FUNCTIONS[name]
        if isinstance(function, PiecewiseLinear):
            return cls(2, function.slope, function.offset, function.low, function.high)
        return cls(["sigmoid", "tanh"].index(name))


class GateSettings(ctypes.Structure):
    """`tfp_gate_settings`."""

    _fields_ = [
        ("inverse_scale", c_float),
        ("recurrent_activation", GateFunction),
        ("activation", GateFunction),
        ("parameters", c_float * MAX_PARAMETERS),
    ]


class GateArgs(ctypes.Structure):
    """`tfp_gate_args`."""

    _fields_ = [
        ("acc_x", c_void_p),
        ("acc_h", c_void_p),
        ("parameters", c_void_p),
        ("blocks", c_size_t),
        ("settings", POINTER(GateSettings)),
        ("states", c_void_p * 2),
        ("q", c_void_p),
    ]


class GateProducts(ctypes.Structure):
    """`tfp_gate_products`."""

    _fields_ = [
        ("acc", c_void_p),
        ("acc_step", c_size_t),
        ("multiplier", c_void_p),
        ("multiplier_step", c_size_t),
        ("units", c_size_t),
    ]


class Moments(ctypes.Structure):
    """`tfp_moments`."""

    _fields_ = [("mean", c_float), ("inverse", c_float)]


class OutputS8(ctypes.Structure):
    """`tfp_output_s8`."""

    _fields_ = [("zero_point", c_int32), ("low", c_int32), ("high", c_int32)]


class OutputU8(ctypes.Structure):
    """`tfp_output_u8`."""

    _fields_ = [
        (name, c_int32)
        for name in ("offset", "multiplier", "left", "right", "zero_point", "low", "high")
    ]


class RowParameters(ctypes.Structure):
    """`tfp_row_parameters`."""

    _fields_ = [("weight_sums", c_void_p), ("scales", c_void_p), ("bias", c_void_p)]


class OutputF32(ctypes.Structure):
    """`tfp_output_f32`."""

    _fields_ = [("x", POINTER(Affine)), ("low", c_float), ("high", c_float)]


PackFunction = CFUNCTYPE(
    None, c_void_p, c_size_t, c_size_t, c_size_t, c_int32, c_void_p, c_size_t, c_size_t
)
GemmFunction = CFUNCTYPE(
    None,
    c_void_p,
    c_size_t,
    c_size_t,
    c_size_t,
    c_void_p,
    ctypes.c_ssize_t,
    c_void_p,
    c_size_t,
)
_GEMM_OUTPUT_ARGUMENTS = (c_void_p, c_size_t, c_size_t, c_size_t, c_void_p, ctypes.c_ssize_t)
GemmOutputS8Function = CFUNCTYPE(
    None, *_GEMM_OUTPUT_ARGUMENTS, c_void_p, POINTER(OutputS8), c_void_p, c_size_t
)
GemmOutputF32Function = CFUNCTYPE(
    None,
    *_GEMM_OUTPUT_ARGUMENTS,
    POINTER(RowParameters),
    POINTER(OutputF32),
    c_void_p,
    c_size_t,
)


class WeightKernels(ctypes.Structure):
    """`tfp_weight_kernels`: packing and gemm for one width of weights."""

    _fields_ = [
        ("bits", c_int),
        ("depth_block", c_size_t),
        ("panels", POINTER(c_uint8)),
        ("pack", PackFunction),
        ("gemm", GemmFunction),
        ("gemm_output_s8", GemmOutputS8Function),
        ("gemm_output_f32", GemmOutputF32Function),
    ]

    def padded_depth(self, depth: int) -> int:
        return -(-depth // self.depth_block) * self.depth_block

    def block_bytes(self, depth: int) -> int:
        return ROW_BLOCK * (4 + self.padded_depth(depth) * self.bits // 8)

    def panel_widths(self, blocks: int) -> list[int]:
        """The widths of the panels of a matrix of `blocks` blocks, as tfp_kernels.h says."""
        widths = []
        while blocks > 0:
            widths.append(next(w for w in self.panels if w <= blocks))
            blocks -= widths[-1]
        return widths

    def pack_rows(self, weights: int, rows: int, depth: int, zero_point: int, packed: int) -> None:
        """Pack `rows` rows of int8 weights at the address `weights` to the address `packed`."""
        block = 0
        for width in self.panel_widths(-(-rows // ROW_BLOCK)):
            panel = packed + block * self.block_bytes(depth)
            for index in range(width):
                row = ROW_BLOCK * (block + index)
                inside = min(ROW_BLOCK, rows - row)
                source = weights + row * depth
                self.pack(source, inside, depth, depth, zero_point, panel, width, index)
            block += width


class FixedScale(ctypes.Structure):
    """`tfp_fixed_scale`."""

    _fields_ = [("multiplier", c_int32), ("left", c_int32), ("right", c_int32)]


class LstmS16Gates(ctypes.Structure):
    """`tfp_lstm_s16_gates`."""

    _fields_ = [("input", c_void_p), ("forget", c_void_p), ("candidate", c_void_p)]


class LstmS16Norm(ctypes.Structure):
    """`tfp_lstm_s16_norm`."""

    _fields_ = [
        ("weights", c_void_p),
        ("bias", c_void_p),
        ("mean", c_int32),
        ("inverse", FixedScale),
        ("scale", FixedScale),
    ]


class LstmS16(ctypes.Structure):
    """`tfp_lstm_s16_kernels`."""

    _fields_ = [
        ("add_sums", CFUNCTYPE(None, c_void_p, c_size_t, FixedScale, c_void_p, c_void_p)),
        ("add_peephole", CFUNCTYPE(None, c_void_p, c_void_p, c_size_t, FixedScale, c_void_p)),
        ("measure", CFUNCTYPE(None, c_void_p, c_size_t, POINTER(c_int64), POINTER(c_int64))),
        ("normalize", CFUNCTYPE(None, POINTER(LstmS16Norm), c_size_t, c_void_p)),
        ("sigmoid", CFUNCTYPE(None, c_void_p, c_size_t)),
        ("tanh", CFUNCTYPE(None, c_void_p, c_size_t, c_int, c_void_p)),
        (
            "update_cell",
            CFUNCTYPE(None, POINTER(LstmS16Gates), c_size_t, c_int, c_int16, c_void_p),
        ),
        (
            "hidden_state",
            CFUNCTYPE(None, c_void_p, c_void_p, c_size_t, FixedScale, c_int32, c_void_p),
        ),
    ]


class Variant(ctypes.Structure):
    """One row of the table; the fields are those of `tfp_variant` in tfp_kernels.h."""

    _fields_ = [
        ("name", c_char_p),
        ("supported", CFUNCTYPE(c_bool)),
        ("s8", WeightKernels),
        ("s4", WeightKernels),
        ("s2", WeightKernels),
        ("sparse", WeightKernels),
        ("requantize", CFUNCTYPE(None, c_void_p, c_void_p, c_size_t, c_void_p)),
        ("gates", POINTER(CFUNCTYPE(None, POINTER(GateArgs)))),
        ("load_state", CFUNCTYPE(None, c_void_p, c_size_t, c_float, c_void_p, c_void_p)),
        ("moments", CFUNCTYPE(Moments, POINTER(GateProducts), c_float)),
        ("normalize", CFUNCTYPE(None, c_void_p, c_void_p, c_size_t, *[c_void_p] * 4)),
        ("sigmoid", CFUNCTYPE(None, c_void_p, c_size_t, c_void_p)),
        ("tanh", CFUNCTYPE(None, c_void_p, c_size_t, c_void_p)),
        ("preferred", c_void_p),
        ("quantize", CFUNCTYPE(Affine, c_void_p, c_size_t, c_void_p)),
        ("output_s8", CFUNCTYPE(None, c_void_p, c_void_p, c_size_t, OutputS8, c_void_p)),
        (
            "output_f32",
            CFUNCTYPE(
                None,
                c_void_p,
                c_size_t,
                c_size_t,
                POINTER(RowParameters),
                c_size_t,
                POINTER(OutputF32),
                c_void_p,
                c_size_t,
            ),
        ),
        ("output_u8", CFUNCTYPE(None, c_void_p, c_size_t, OutputU8, c_void_p)),
        ("takes_minus_128", c_bool),
        ("lstm_s16", POINTER(LstmS16)),
        ("accumulate", CFUNCTYPE(None, c_void_p, c_float, c_size_t, c_void_p)),
    ]


class Matrix(ctypes.Structure):
    """`tfp_matrix`."""

    _fields_ = [
        ("values", c_void_p),
        ("scales", c_void_p),
        ("rows", c_size_t),
        ("depth", c_size_t),
        # Of sparse weights, `tfp_stored_tiles`.
        ("segments", c_void_p),
        ("columns", c_void_p),
        ("part_rows", c_size_t),
        ("one_scale", c_bool),
        ("masked", c_bool),
    ]


class RecurrentWeights(ctypes.Structure):
    """`tfp_recurrent_weights`."""

    _fields_ = [
        ("kernel", Matrix * 2),
        ("recurrent", Matrix * 2),
        ("bias", c_void_p),
        ("gains", c_void_p),
        ("x_scale", c_float),
        ("x_zero_point", c_int32),
    ]


class RecurrentIo(ctypes.Structure):
    """`tfp_recurrent_io`."""

    _fields_ = [
        ("batch", c_size_t),
        ("time", c_size_t),
        ("x", c_void_p),
        ("lengths", c_void_p),
        ("first", POINTER(c_void_p)),
        ("y", c_void_p),
        ("last", POINTER(c_void_p)),
    ]


Task = CFUNCTYPE(None, c_void_p, c_size_t)
Run = CFUNCTYPE(None, c_void_p, Task, c_void_p, c_size_t)


class Parallel(ctypes.Structure):
    """`tfp_parallel`."""

    _fields_ = [("threads", c_size_t), ("run", Run), ("pool", c_void_p)]


def backwards(threads: int) -> Parallel:
    """A pool that runs the parts of every call one after another, the last one first."""

    def run(pool: int, task: Callable, context: int, count: int) -> None:
        for i in reversed(range(count)):
            task(context, i)

    return Parallel(threads, Run(run), None)


@cache
def load() -> ctypes.CDLL:
    """The library, with the types of its functions."""
    library = ctypes.CDLL(str(library_path()))
    library.tfpipeline_kernel_variant.restype = POINTER(Variant)
    library.tfpipeline_kernel_variant.argtypes = [c_size_t]
    library.tfpipeline_recurrent_create.restype = c_void_p
    library.tfpipeline_recurrent_create.argtypes = [
        c_char_p,
        c_char_p,
        c_char_p,
        c_size_t,
        c_void_p,
        c_char_p,
        c_size_t,
    ]
    library.tfpipeline_recurrent_run.restype = None
    library.tfpipeline_recurrent_run.argtypes = [c_void_p, POINTER(RecurrentIo), POINTER(Parallel)]
    library.tfpipeline_recurrent_destroy.restype = None
    library.tfpipeline_recurrent_destroy.argtypes = [c_void_p]
    library.tfpipeline_op_count.restype = c_size_t
    for name in ("tfpipeline_op_name", "tfpipeline_op_magic"):
        getattr(library, name).restype = c_char_p
        getattr(library, name).argtypes = [c_size_t]
    library.tfpipeline_register.restype = c_void_p
    library.tfpipeline_register.argtypes = [c_char_p]
    library.tfpipeline_version.restype = c_char_p
    library.tfpipeline_best_isa.restype = c_char_p
    return library


def ops() -> dict[str, bytes]:
    """The plug-in's table of ops: the name of each, and the bytes with which its options begin."""
    found: dict[str, bytes] = {}
    while name := load().tfpipeline_op_name(len(found)):
        found[name.decode()] = load().tfpipeline_op_magic(len(found))
    return found


@cache
def variants() -> dict[str, Variant]:
    """All kernels in the library by name, also those that this processor cannot run."""
    found: dict[str, Variant] = {}
    index = 0
    while pointer := load().tfpipeline_kernel_variant(index):
        found[pointer.contents.name.decode()] = pointer.contents
        index += 1
    return found


def supported() -> list[str]:
    """Names of the kernels that this processor runs."""
    return [name for name, variant in variants().items() if variant.supported()]


class NativeOp:
    """A recurrent op without any runtime.

    Raises:
        RuntimeError: the op refused the options or the weights; the message is its own.
    """

    def __init__(self, case: Case, isa: str, options: bytes | None = None) -> None:
        self._kept: list[np.ndarray] = []
        weights = RecurrentWeights(
            self._matrices(case.kernel, case.options.weight_bits[:2]),
            self._matrices(case.recurrent_kernel, case.options.weight_bits[2:]),
            self._pointer(np.ascontiguousarray(case.bias, np.float32)),
            None if case.gains is None else self._pointer(case.gains),
            case.x_scale,
            case.x_zero_point,
        )
        data = case.options.pack() if options is None else options
        error = ctypes.create_string_buffer(320)
        self._op = load().tfpipeline_recurrent_create(
            case.cell.op_name.encode(),
            isa.encode(),
            data,
            len(data),
            ctypes.byref(weights),
            error,
            len(error),
        )
        if not self._op:
            raise RuntimeError(error.value.decode())

    def __del__(self) -> None:
        load().tfpipeline_recurrent_destroy(getattr(self, "_op", None))

    def run(
        self,
        shape: tuple[int, ...],
        x: int,
        first: list[int],
        y: int,
        last: list[int],
        lengths: int | None = None,
        parallel: Parallel | None = None,
    ) -> None:
        """Runs on the addresses of the buffers, those of each state in `first` and `last`."""
        pointers = [(c_void_p * len(states))(*states) for states in (first, last)]
        io = RecurrentIo(shape[0], shape[1], x, lengths, pointers[0], y, pointers[1])
        load().tfpipeline_recurrent_run(self._op, io, parallel)

    def _pointer(self, array: np.ndarray) -> int:
        self._kept.append(array)
        return array.ctypes.data

    def _matrices(self, matrices, weight_bits) -> ctypes.Array[Matrix]:
        made = (Matrix * 2)()
        for i, (matrix, bits) in enumerate(zip(matrices, weight_bits, strict=False)):
            scales = np.ascontiguousarray(matrix.scales, np.float32)
            values = np.ascontiguousarray(pack_rows(matrix.values, bits))
            made[i] = Matrix(self._pointer(values), self._pointer(scales), *matrix.values.shape)
        return made
