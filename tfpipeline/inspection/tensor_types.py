"""The tensor types of TensorFlow Lite's schema: their names and how wide they are."""

from __future__ import annotations

#: Name and bits of an element by its number; strings and handles have no width.
TENSOR_TYPES: dict[int, tuple[str, int]] = {
    0: ("float32", 32),
    1: ("float16", 16),
    2: ("int32", 32),
    3: ("uint8", 8),
    4: ("int64", 64),
    5: ("string", 0),
    6: ("bool", 8),
    7: ("int16", 16),
    8: ("complex64", 64),
    9: ("int8", 8),
    10: ("float64", 64),
    11: ("complex128", 128),
    12: ("uint64", 64),
    13: ("resource", 0),
    14: ("variant", 0),
    15: ("uint32", 32),
    16: ("uint16", 16),
    17: ("int4", 4),
    18: ("bfloat16", 16),
    19: ("int2", 2),
    20: ("uint4", 4),
    21: ("float8_e4m3fn", 8),
    22: ("float8_e5m2", 8),
}


def type_name(code: int) -> str:
    """Return a name such as `int8`, or `type 99` for a number that this schema does not have."""
    return TENSOR_TYPES[code][0] if code in TENSOR_TYPES else f"type {code}"


def type_bits(code: int) -> int:
    """Return the bits of an element; 0 where the shape does not say how long the data is."""
    return TENSOR_TYPES[code][1] if code in TENSOR_TYPES else 0
