"""Small models made byte by byte, each for one thing that an inspection must get right."""

from __future__ import annotations

import itertools
import math
import struct

from tiny_tflite import (
    Vector,
    byte,
    int32,
    operator,
    operator_code,
    subgraph,
    tensor,
    tiny_model,
    uint64,
)

FLOAT32, INT32, BOOL, INT8 = 0, 2, 6, 9
ADD, CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, MUL, RESHAPE = 0, 3, 4, 9, 18, 22
CUSTOM, LESS, LOGICAL_AND, WHILE, BATCH_MATMUL, CALL_ONCE = 32, 58, 86, 119, 126, 129


def int_data(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}i", *values)


def one_operator(
    code: int,
    shapes: list[tuple[int, ...]],
    output: tuple[int, ...],
    version: int = 1,
    custom: str | None = None,
    **more: object,
) -> bytes:
    """A model of one operator; the first input is the graph's, the others are float constants."""
    sizes = [4 * math.prod(shape) for shape in shapes[1:]]
    tensors = [tensor(shapes[0], name="x")]
    tensors += [tensor(s, buffer=i + 1, name=f"c{i}") for i, s in enumerate(shapes[1:])]
    tensors.append(tensor(output, name="y"))
    node = operator(0, range(len(shapes)), [len(shapes)], **more)
    graph = subgraph(tensors, [0], [len(shapes)], [node])
    return tiny_model([operator_code(code, version, custom)], [graph], [bytes(n) for n in sizes])


def chain(*sizes: int) -> bytes:
    """Fully connected layers of these widths; all but the first and the last vector are inside."""
    tensors = [tensor([1, sizes[0]], name="x")]
    nodes = []
    for i, (before, after) in enumerate(itertools.pairwise(sizes)):
        tensors += [tensor([after, before], buffer=i + 1, name=f"w{i}"), tensor([1, after])]
        here = len(tensors) - 1
        nodes.append(operator(0, [here - 2 if i else 0, here - 1, -1], [here], _3=byte(8), _4={}))
    graph = subgraph(tensors, [0], [len(tensors) - 1], nodes)
    weights = [bytes(4 * a * b) for a, b in itertools.pairwise(sizes)]
    return tiny_model([operator_code(FULLY_CONNECTED)], [graph], weights)


def counting_loop(start: int, step: int, *limits: int | None, depth: int = 4) -> bytes:
    """A WHILE that adds `step` to a counter, with a fully connected layer `depth` x `depth` in it.

    With several limits, all of them must hold; None is a limit that only the caller knows.
    """
    codes = [operator_code(c) for c in (WHILE, LESS, ADD, FULLY_CONNECTED, LOGICAL_AND)]
    buffers = [int_data(start), int_data(step), bytes(4 * depth * depth)]
    known = {limit: 4 + i for i, limit in enumerate(dict.fromkeys(limits)) if limit is not None}
    buffers += [int_data(limit) for limit in known]

    # Tensors of the main graph: counter, vector, limit from the caller, then the results.
    main = subgraph(
        [
            tensor([], INT32, 1, "start"),
            tensor([1, depth], name="x"),
            tensor([], INT32, name="limit"),
            tensor([], INT32, name="end"),
            tensor([1, depth], name="y"),
            tensor([], INT32, name="same"),
        ],
        [1, 2],
        [3, 4],
        [operator(0, [0, 1, 2], [3, 4, 5], _3=byte(93), _4={0: int32(1), 1: int32(2)})],
    )
    tensors = [tensor([], INT32), tensor([1, depth]), tensor([], INT32)]
    nodes, tests = [], []
    for limit in limits:
        if limit is None:
            bound = 2
        else:
            bound = len(tensors)
            tensors.append(tensor([], INT32, known[limit]))
        tests.append(len(tensors))
        tensors.append(tensor([], BOOL))
        nodes.append(operator(1, [0, bound], [tests[-1]]))
    while len(tests) > 1:
        one, other = tests.pop(), tests.pop()
        tests.append(len(tensors))
        tensors.append(tensor([], BOOL))
        nodes.append(operator(4, [one, other], [tests[-1]]))
    condition = subgraph(tensors, [0, 1, 2], tests, nodes, "condition")
    body = subgraph(
        [
            tensor([], INT32),
            tensor([1, depth]),
            tensor([], INT32),
            tensor([], INT32, 2, "step"),
            tensor([depth, depth], buffer=3, name="weights"),
            tensor([], INT32),
            tensor([1, depth]),
        ],
        [0, 1, 2],
        [5, 6, 2],
        [
            operator(2, [0, 3], [5], _3=byte(11), _4={}),
            operator(3, [1, 4, -1], [6], _3=byte(8), _4={}),
        ],
        "body",
    )
    return tiny_model(codes, [main, condition, body], buffers)


def beyond_two_gigabytes(kind: str = "good") -> bytes:
    """A constant whose bytes lie after the flatbuffer, as in files too large for its offsets."""
    values = struct.pack("<4f", 1, 2, 3, 4)
    place = 1 << 11
    size = {"good": 16, "long": 1 << 40, "wrap": (1 << 64) - place}[kind]
    graph = subgraph(
        [tensor([4], name="x"), tensor([4], buffer=1, name="w"), tensor([4], name="y")],
        [0],
        [2],
        [operator(0, [0, 1], [2], _3=byte(11), _4={})],
    )
    model = tiny_model([operator_code(ADD)], [graph], [{1: uint64(place), 2: uint64(size)}])
    assert len(model) < place
    return model.ljust(place, b"\0") + values


def per_channel_scales(*scales: float) -> dict[int, object]:
    return {2: Vector("f", scales), 3: Vector("q", [0] * len(scales)), 6: int32(0)}


def huge_activation(size: int) -> bytes:
    """Two vectors broadcast to `size` floats: a small file that asks for a large arena."""
    side = math.isqrt(size)
    tensors = [tensor([1, side]), tensor([side, 1]), tensor([side, side])]
    graph = subgraph(tensors, [0, 1], [2], [operator(0, [0, 1], [2], _3=byte(11), _4={})])
    return tiny_model([operator_code(ADD)], [graph])
