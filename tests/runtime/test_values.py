"""What a tensor can hold, and what is refused instead of being wrapped, cut or passed on."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from small_model import FEATURES, FRAMES, Exported, walk

from tfpipeline.errors import TfpipelineError
from tfpipeline.runtime import InputError, Interpreter, Streamer
from tfpipeline.runtime.values import to_tensor

REAL = {"name": "x", "dtype": "float32", "scale": 0.1, "zero_point": 3}
LEVELS = {"name": "x", "dtype": "int8", "scale": 0.5, "zero_point": -1}
TOKENS = {"name": "ids", "dtype": "int32", "scale": None, "zero_point": 0}


@pytest.mark.parametrize(
    ("entry", "values", "expected"),
    [
        (REAL, np.array([1.5, -2.0]), [1.5, -2.0]),
        (REAL, np.array([3, -4], np.int64), [3, -4]),
        (REAL, np.array([1e30, 3e38], np.float32), [np.float32(1e30), np.float32(3e38)]),
        (REAL, np.array([0.5], ml_dtypes.bfloat16), [0.5]),
        (REAL, np.zeros((0,)), []),
        # 0.5 a step from -1; what lies beyond the range saturates, as a real number does.
        (LEVELS, np.array([0.0, 1.0, -1e9, 1e9]), [-1, 1, -128, 127]),
        (TOKENS, np.array([7, -2], np.int64), [7, -2]),
        (TOKENS, np.array([7.0, 2.0]), [7, 2]),
        (TOKENS, np.array([True, False]), [1, 0]),
        (TOKENS, np.array([2**31 - 1, -(2**31)]), [2**31 - 1, -(2**31)]),
    ],
)
def test_numbers_that_fit(entry: dict[str, Any], values: np.ndarray, expected: list[Any]) -> None:
    found = to_tensor(entry, values)
    assert found.dtype == np.dtype(entry["dtype"])
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("entry", "values", "part"),
    [
        (REAL, np.array([1.0, np.nan]), "x contains NaN"),
        (REAL, np.array([[1.0], [-np.inf]]), "x contains infinity"),
        (REAL, np.array([1e300]), "or numbers beyond float32"),
        (LEVELS, np.array([np.nan]), "x contains NaN"),
        (LEVELS, np.array([np.inf]), "x contains infinity"),
        (REAL, np.array(["1.5"]), "must hold numbers, received values of type <U3"),
        (REAL, np.array([1j]), "must hold numbers"),
        (REAL, np.array([None]), "must hold numbers"),
        (TOKENS, np.array([2**31]), "ids must hold whole numbers that fit int32"),
        (TOKENS, np.array([2**64 - 1], np.uint64), "whole numbers that fit int32"),
        (TOKENS, np.array([1.5]), "whole numbers that fit int32, received values from 1.5"),
        (TOKENS, np.array([np.nan]), "whole numbers that fit int32"),
    ],
)
@pytest.mark.filterwarnings("error")  # The command line prints one line, no warning before it.
def test_numbers_that_do_not_fit(entry: dict[str, Any], values: np.ndarray, part: str) -> None:
    with pytest.raises(InputError, match=part):
        to_tensor(entry, values)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("form", ["portable", "fused"])
def test_features_that_are_no_numbers_are_an_error_everywhere(
    exported: Exported, form: str, bad: float
) -> None:
    x = walk(2)
    x[1, 5, 7] = bad
    interpreter = Interpreter(getattr(exported.report, form))
    good = interpreter.predict(x[:1])
    with pytest.raises(InputError, match="x contains"):
        interpreter.predict(x)
    # A refused sample leaves the one before.
    interpreter.set_input(x[0])
    with pytest.raises(InputError, match="x contains"):
        interpreter.set_input(x[1])
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.output(), good[0])

    stream = Streamer(getattr(exported.report, f"stream_{form}"))
    scores = []
    for frame in x[0]:
        with pytest.raises(InputError, match="x contains"):
            stream.process(x[1, 5])
        scores.append(stream.process(frame))
    np.testing.assert_array_equal(scores[-1], good[0])
    with pytest.raises(ValueError, match="NaN or infinity"):
        stream.process_audio(np.full(400, bad))


def test_shapes_and_names_that_do_not_fit_are_input_errors(exported: Exported) -> None:
    interpreter = Interpreter(exported.report.portable)
    for x in (walk(1)[..., 1:], walk(1)[0, 1:], {"y": walk(1)}, {1: 2, "y": 3}, [[1, 2], [3]]):
        with pytest.raises(InputError):
            interpreter.predict(x)
    with pytest.raises(InputError, match="frame must have the shape"):
        Streamer(exported.report.stream_portable).process(walk(1)[0])
    # Python's habit and the command line's, which prints it as one line.
    assert issubclass(InputError, ValueError) and issubclass(InputError, TfpipelineError)


@pytest.mark.parametrize("threads", [0, -1, 1.0, 2.5, True, "2", None, 10**6, 10**30])
@pytest.mark.parametrize("stream", [False, True])
def test_threads_are_blamed_on_the_argument(exported: Exported, threads: Any, stream: bool) -> None:
    make: Any = Streamer if stream else Interpreter
    path = exported.report.stream_portable if stream else exported.report.portable
    with pytest.raises(InputError, match="num_threads must be a whole number from 1 to 1024") as e:
        make(path, num_threads=threads)
    assert str(path) not in str(e.value)


def test_other_arguments_are_named(exported: Exported) -> None:
    path = exported.report.portable
    assert Interpreter(str(path), np.int64(2)).input_shape == (1, FRAMES, FEATURES)
    with pytest.raises(InputError, match="path must be the path of a .tflite file, received 5"):
        Interpreter(5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="delegate_options must map names to values"):
        Interpreter(path, delegate_options=["isa"])  # type: ignore[arg-type]
    for runtime in (5, ["litert"], ""):
        with pytest.raises(TfpipelineError, match="runtime must be one of"):
            Interpreter(path, runtime=runtime)  # type: ignore[arg-type]
