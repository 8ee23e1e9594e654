"""Which tensor of a file holds which array of the model that it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from tfpipeline.compress.size_ledger.parts import Part

_RECURRENT = "recurrent"
#: What the exporter calls products of the state.
_OF_STATE = ("recurrent_kernel", "h_", "a_h")
#: What it adds to the name of a product for each of its planes, with a number behind it.
_PLANE = "/plane_"


class Stored(Protocol):
    """What is asked of a stored tensor."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def bytes(self) -> int: ...


def stored_arrays(
    parts: Sequence[Part], tensors: Iterable[Stored]
) -> tuple[dict[str, int], dict[str, int]]:
    """Return the bytes of the tensor that holds each array, and those of all other tensors.

    A tensor belongs to a layer by the first part of its name, and to an array of it by its shape,
    which is transposed in a file; numbers of fewer bits may share bytes along its last axis.
    Matrices of our ops, which may lack their zeros, hold five ternary numbers a byte or be a sum of
    planes, are known by the names that these give them. Builtin ops have a tensor for each plane,
    which count together. What is looked up is not transposed, and may be a constant without a
    layer's name.

    Args:
        parts: arrays of the model.
        tensors: what the file stores.
    """
    left = list(tensors)
    held: dict[str, int] = {}
    for part in parts:
        found = next((t for t in left if _holds(t, part)), None)
        if found is not None:
            own = [found, *_other_planes(found, left)]
            for tensor in own:
                left.remove(tensor)
            held[part.name] = sum(tensor.bytes for tensor in own)
    others: dict[str, int] = {}
    for tensor in left:
        # Graphs of a loop may each have a tensor of a name.
        others[tensor.name] = others.get(tensor.name, 0) + tensor.bytes
    return held, others


def _other_planes(found: Stored, tensors: Sequence[Stored]) -> list[Stored]:
    """Return the tensors of the other planes of a sum that one is a plane of."""
    of_sum, plane, rest = found.name.rpartition(_PLANE)
    if not plane:
        return []
    what = rest.partition("/")[2]
    alike = [t for t in tensors if t is not found and t.name.startswith(of_sum + plane)]
    return [t for t in alike if t.name.rpartition(_PLANE)[2].partition("/")[2] == what]


def _holds(tensor: Stored, part: Part) -> bool:
    layer, _, name = tensor.name.partition("/")
    *where, array = part.name.split("/")
    if part.looked_up:
        return (layer in where or not name) and _same_table(tensor, part)
    if layer in where and part.matrix and name == _name_in_our_ops(array):
        return True
    if layer not in where or not _same_shape(tensor.shape, part):
        return False
    # With as many features as units, the shapes of both kernels are the same.
    return not part.matrix or (_RECURRENT in array) == any(word in name for word in _OF_STATE)


def _same_table(tensor: Stored, part: Part) -> bool:
    if part.bits is not None:
        return tensor.shape == part.shape and tensor.bytes == part.size * part.bits // 8
    *outer, inner = part.shape
    return list(tensor.shape[:-1]) == outer and tensor.shape[-1] in _packed(inner)


def _packed(inner: int) -> set[int]:
    """Return how long the last axis of numbers of 8, 4 and 2 bits may be."""
    packed = {-(-inner * bits // 8) for bits in (8, 4, 2)}
    # What runtimes unpack is padded to whole bytes.
    return packed | {-(-inner // numbers) * numbers for numbers in (2, 4)}


def _name_in_our_ops(array: str) -> str:
    """Return `kernel/0` of a plain kernel and of a left factor, `kernel/1` of a right one."""
    kernel, _, side = array.removesuffix("_left").partition("_right")
    right = array.endswith("_right")
    return f"{kernel}{side}/{int(right)}"


def _same_shape(shape: tuple[int, ...], part: Part) -> bool:
    if not part.matrix:
        # Scalars are options of operators; the small constants of a file are something else.
        return part.size > 1 and _without_ones(shape) == _without_ones(part.shape)
    *outer, inner = reversed(part.shape)
    same = len(shape) == len(part.shape) and list(shape[:-1]) == outer
    return same and shape[-1] in _packed(inner)


def _without_ones(shape: Iterable[int]) -> list[int]:
    return [size for size in shape if size != 1]
