"""The C header of a model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tfpipeline.microcontroller.detector_code import DetectorCode
from tfpipeline.microcontroller.integer_model import IntegerModel
from tfpipeline.microcontroller.matrix_code import APART_DEFINITION, MatrixCode, table
from tfpipeline.microcontroller.step_code import StepCode

#: What C99 and C++ keep for themselves would not compile: a prefix with `_` behind it never is.
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_CELLS = {"fast_rnn": "FastRNN", "fast_grnn": "FastGRNN"}


def header_text(model: IntegerModel, name: str, labels: Sequence[str] | None = None) -> str:
    """Return a header in C99 that computes a model in integers.

    It needs `<stdint.h>` and nothing else: no memory but the caller's and the stack, no floating
    point, no numbers of more than 32 bits. Everything in it begins with `name`, so that a program
    can have several models.

    Args:
        model: what the C computes, bit for bit.
        name: prefix of functions and types; of macros in capitals.
        labels: names of the classes, for the comment.

    Raises:
        ValueError: the name is none in C.
    """
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"`name` must be one that C allows, such as 'kws'; received {name!r}.")
    step = StepCode(name, model.cell)
    weights = model.cell.weights
    heads: list[MatrixCode] = []
    if weights.classifier is not None:
        heads = [MatrixCode(f"{name}_c", weights.classifier)]
    tables, functions = step.tables(), step.functions()
    if weights.classifier_bias is not None:
        tables += [heads[0].tables(), table("int8_t", f"{name}_c_bias", weights.classifier_bias)]
        functions += [heads[0].function(), _scores(name, model.cell.state_bits), _best(name)]
    if model.scaling is not None:
        tables += [
            table("int16_t", f"{name}_mean", model.scaling.mean),
            table("int16_t", f"{name}_multiplier", model.scaling.multiplier),
            table("uint8_t", f"{name}_shift", model.scaling.shift),
        ]
        functions += [_scale(name)]
    types = [f"\ntypedef struct {{\n    int16_t h[{name.upper()}_UNITS];\n}} {name}_state;\n"]
    if model.detector is not None:
        found = DetectorCode(name, model.detector)
        tables += found.tables()
        functions += found.functions()
        types += [found.state()]
    guard = f"{name.upper()}_H_"
    return "\n".join(
        [
            _comment(model, name, labels),
            f"#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n",
            *_sizes(model, name, flash_bytes(model), step.scratch_bytes()),
            *types,
            APART_DEFINITION,
            *tables,
            "",
            _reset(name),
            *functions,
            "#endif\n",
        ]
    )


def header_name(file: str) -> str:
    """Return the prefix that a file name stands for: `kws_v2` for `kws-v2.h`."""
    found = re.sub(r"[^A-Za-z0-9]+", "_", file.partition(".")[0]).strip("_")
    return found if _IDENTIFIER.fullmatch(found) else f"model_{found}".rstrip("_")


def flash_bytes(model: IntegerModel) -> int:
    """Return the bytes of all tables of the header; its code comes on top."""
    weights, step = model.cell.weights, StepCode("m", model.cell)
    total = sum(matrix.bytes for matrix in step.matrices) + step.bias_bytes
    if weights.classifier is not None and weights.classifier_bias is not None:
        total += MatrixCode("m", weights.classifier).bytes + len(weights.classifier_bias)
    if model.detector is not None:
        total += DetectorCode("m", model.detector).table_bytes
    # Two int16 and a byte a feature.
    return total + (0 if model.scaling is None else 5 * weights.features)


def scratch_bytes(model: IntegerModel) -> int:
    """Return the bytes of the step's own arrays, which lie on the stack."""
    return StepCode("m", model.cell).scratch_bytes()


def _comment(model: IntegerModel, name: str, labels: Sequence[str] | None) -> str:
    weights, cell = model.cell.weights, model.cell
    top = name.upper()
    lines = [
        f"{_CELLS[weights.cell]} of {weights.features} features and {weights.units} units in "
        "integers, written by tfpipeline.",
        "",
        f"  {name}_reset(&state)        before the first time step",
        f"  {name}_step(&state, x)      for each time step",
    ]
    if model.classes:
        lines += [
            f"  {name}_scores(&state, s)    after any of them",
            f"  {name}_best(s)              the class of the highest score",
        ]
    if model.detector is not None:
        lines += [
            f"  {name}_detector_reset(&d)   before the first frame of a stream",
            f"  {name}_detect(&d, s)        after the scores of each frame: the class found in it, "
            "or -1",
        ]
    lines += [
        "",
        f"x is int16 fixed point: a feature f is round(f * 2^{cell.x_bits}), cut to int16; a byte "
        "b with",
        f"k bits of fraction is b * 2^({cell.x_bits} - k). States are int16 with {cell.state_bits} "
        "bits of fraction.",
    ]
    if model.scaling is not None:
        lines += [
            f"{name}_scale(raw, x) makes x of raw features, int16 with {top}_RAW_BITS bits of "
            "fraction.",
        ]
    if model.classes:
        lines += [f"A score of int32 stands for itself over {model.score_unit:.6g}."]
    if labels is not None:
        lines += ["Classes: " + ", ".join(_plain(label) for label in labels)]
    lines += [
        "",
        "Sparse matrices lie by columns: of each number its row times 256 plus its byte, and of",
        "each column how many there are. Right shifts of negative numbers must be arithmetic, and",
        "conversions to int8_t keep the low byte, as in all usual compilers.",
        "Include it in one source file: its tables are static. The cell: Kusupati et al. 2018,",
        '"FastGRNN", section 3. The bytes: EdgeML\'s quantization. The step: tfpipeline.',
    ]
    return "/* " + "\n".join(f" * {line}".rstrip() for line in lines)[3:] + "\n */"


def _plain(text: str) -> str:
    """Return a label that cannot end a comment."""
    return re.sub(r"[^\w .+-]", "_", text, flags=re.ASCII)


def _sizes(model: IntegerModel, name: str, tables: int, scratch: int) -> list[str]:
    top, cell = name.upper(), model.cell
    sizes = {"FEATURES": cell.weights.features, "UNITS": cell.weights.units}
    if model.classes:
        sizes["CLASSES"] = model.classes
    sizes |= {"X_BITS": cell.x_bits, "STATE_BITS": cell.state_bits}
    if model.scaling is not None:
        sizes["RAW_BITS"] = model.scaling.raw_bits
    if model.detector is not None:
        sizes |= DetectorCode(name, model.detector).sizes()
    sizes |= {"TABLE_BYTES": tables, "STACK_BYTES": scratch}
    return [f"#define {top}_{key} {value}" for key, value in sizes.items()]


def _reset(name: str) -> str:
    return (
        f"static inline void {name}_reset({name}_state *state)\n{{\n    unsigned j;\n"
        f"    for (j = 0; j < {name.upper()}_UNITS; ++j) state->h[j] = 0;\n}}\n"
    )


def _scores(name: str, bits: int) -> str:
    top = name.upper()
    return (
        f"static inline void {name}_scores(const {name}_state *state, "
        f"int32_t scores[{top}_CLASSES])\n{{\n    unsigned j;\n"
        f"    {name}_c(state->h, scores);\n"
        f"    for (j = 0; j < {top}_CLASSES; ++j)\n"
        f"        scores[j] += (int32_t){name}_c_bias[j] * {1 << bits};\n}}\n"
    )


def _best(name: str) -> str:
    top = name.upper()
    return (
        "/* The first class of the highest score. */\n"
        f"static inline unsigned {name}_best(const int32_t scores[{top}_CLASSES])\n"
        "{\n    unsigned j, best = 0;\n"
        f"    for (j = 1; j < {top}_CLASSES; ++j)\n"
        "        if (scores[j] > scores[best]) best = j;\n    return best;\n}\n"
    )


def _scale(name: str) -> str:
    top = name.upper()
    return (
        f"static inline void {name}_scale(const int16_t raw[{top}_FEATURES], "
        f"int16_t x[{top}_FEATURES])\n{{\n    unsigned i;\n"
        f"    for (i = 0; i < {top}_FEATURES; ++i) {{\n"
        f"        const int32_t half = ((int32_t)1 << {name}_shift[i]) >> 1;\n"
        f"        int32_t v = ((int32_t)raw[i] - {name}_mean[i]) * {name}_multiplier[i] + half;\n"
        f"        v >>= {name}_shift[i];\n"
        "        x[i] = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);\n    }\n}\n"
    )
