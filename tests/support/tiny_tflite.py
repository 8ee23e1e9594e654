"""Writes small `.tflite` files byte by byte, also ones that no builder of the schema would write.

Standard library only, so that it also runs in the environments of other runtimes. A table is a dict
from field number to value; see `tiny_model` for the numbers of TensorFlow Lite's schema.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scalar:
    """A number of a fixed width, named as `struct` names it: `b`, `i`, `I`, `Q`, ..."""

    layout: str
    value: int


@dataclass(frozen=True)
class Vector:
    """A vector of numbers of one width."""

    layout: str
    values: Sequence[float]


def byte(value: int) -> Scalar:
    return Scalar("<b", value)


def int32(value: int) -> Scalar:
    return Scalar("<i", value)


def uint64(value: int) -> Scalar:
    return Scalar("<Q", value)


def write(root: dict[int, Any]) -> bytes:
    """Serializes a root table and all that it holds; every offset points forward, as it must."""
    out = bytearray(b"\0\0\0\0TFL3\0\0\0\0\0\0\0\0")
    struct.pack_into("<I", out, 0, _put_table(out, root))
    return bytes(out)


def _align(out: bytearray, size: int) -> None:
    out.extend(bytes(-len(out) % size))


def _put_table(out: bytearray, fields: dict[int, Any]) -> int:
    _align(out, 8)
    slots = max(fields, default=-1) + 1
    vtable = len(out)
    out.extend(bytes(4 + 2 * slots))
    _align(out, 8)
    table = len(out)
    out.extend(struct.pack("<i", table - vtable) + bytes(4))
    places = {}
    for number, value in fields.items():
        size = struct.calcsize(value.layout) if isinstance(value, Scalar) else 4
        _align(out, size)
        struct.pack_into("<H", out, vtable + 4 + 2 * number, len(out) - table)
        places[number] = len(out)
        out.extend(
            struct.pack(value.layout, value.value) if isinstance(value, Scalar) else bytes(4)
        )
    struct.pack_into("<HH", out, vtable, 4 + 2 * slots, len(out) - table)
    for number, value in fields.items():
        if not isinstance(value, Scalar):
            struct.pack_into("<I", out, places[number], _put(out, value) - places[number])
    return table


def _put(out: bytearray, value: Any) -> int:
    if isinstance(value, dict):
        return _put_table(out, value)
    # The count takes four bytes, and what follows it must be aligned.
    _align(out, 16)
    out.extend(bytes(12))
    if isinstance(value, str):
        value = value.encode()
    position = len(out)
    if isinstance(value, bytes):
        out.extend(struct.pack("<I", len(value)) + value + b"\0")
    elif isinstance(value, Vector):
        layout = value.layout * len(value.values)
        out.extend(struct.pack("<I", len(value.values)) + struct.pack("<" + layout, *value.values))
    else:
        out.extend(struct.pack("<I", len(value)) + bytes(4 * len(value)))
        for index, child in enumerate(value):
            place = position + 4 + 4 * index
            struct.pack_into("<I", out, place, _put(out, child) - place)
    return position


def ints(*values: int) -> Vector:
    return Vector("i", values)


def operator_code(builtin: int, version: int = 1, custom: str | None = None) -> dict[int, Any]:
    code = {0: byte(min(builtin, 127)), 2: int32(version), 3: int32(builtin)}
    return code | ({1: custom} if custom is not None else {})


def tensor(
    shape: Sequence[int], code: int = 0, buffer: int = 0, name: str = "t", **more: Any
) -> dict[int, Any]:
    fields: dict[int, Any] = {
        0: ints(*shape),
        1: byte(code),
        2: Scalar("<I", buffer),
        3: name,
    }
    return fields | {int(key[1:]): value for key, value in more.items()}


def operator(
    code: int, inputs: Sequence[int], outputs: Sequence[int], **more: Any
) -> dict[int, Any]:
    fields: dict[int, Any] = {0: Scalar("<I", code), 1: ints(*inputs), 2: ints(*outputs)}
    return fields | {int(key[1:]): value for key, value in more.items()}


def subgraph(
    tensors: Sequence[dict[int, Any]],
    inputs: Sequence[int],
    outputs: Sequence[int],
    operators: Sequence[dict[int, Any]],
    name: str = "main",
) -> dict[int, Any]:
    return {0: list(tensors), 1: ints(*inputs), 2: ints(*outputs), 3: list(operators), 4: name}


def tiny_model(
    codes: Sequence[dict[int, Any]],
    subgraphs: Sequence[dict[int, Any]],
    buffers: Sequence[bytes | dict[int, Any]] = (),
    **more: Any,
) -> bytes:
    """A model of schema version 3; buffer 0 is the empty one, `buffers` begin at 1."""
    stored = [{}, *(item if isinstance(item, dict) else {0: item} for item in buffers)]
    fields: dict[int, Any] = {
        0: Scalar("<I", 3),
        1: list(codes),
        2: list(subgraphs),
        3: "made by a test",
        4: stored,
    }
    return write(fields | {int(key[1:]): value for key, value in more.items()})
