"""Threads that share an interpreter: each gets its own result, or one clear line."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from small_model import Exported, walk

from tfpipeline.runtime import InputError, Interpreter, Streamer

THREADS, ROUNDS = 4, 40


@pytest.fixture(autouse=True)
def busy() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def in_threads(work: Callable[[int], list[str]]) -> set[str]:
    with ThreadPoolExecutor(THREADS) as pool:
        return {result for results in pool.map(work, range(THREADS)) for result in results}


@pytest.mark.parametrize("form", ["portable", "fused"])
def test_predict_answers_every_thread_with_its_own_result(exported: Exported, form: str) -> None:
    interpreter, x = Interpreter(getattr(exported.report, form)), walk(THREADS, seed=5)
    expected = interpreter.predict(x)

    def work(k: int) -> list[str]:
        found = [interpreter.predict(x[k : k + 1])[0] for _ in range(ROUNDS)]
        return ["right" if np.array_equal(y, expected[k]) else "wrong" for y in found]

    assert in_threads(work) == {"right"}


def test_calls_one_by_one_are_right_or_refused(exported: Exported) -> None:
    interpreter, x = Interpreter(exported.report.portable), walk(THREADS, seed=5)
    expected = interpreter.predict(x)

    def once(k: int) -> str:
        try:
            interpreter.set_input(x[k])
            interpreter.invoke()
            return "right" if np.array_equal(interpreter.output(), expected[k]) else "wrong"
        except InputError as error:
            return "refused" if "another thread wrote its input" in str(error) else str(error)

    found = in_threads(lambda k: [once(k) for _ in range(ROUNDS)])
    assert "right" in found and found <= {"right", "refused"}


def test_a_thread_that_was_overtaken_is_told(exported: Exported) -> None:
    interpreter, x = Interpreter(exported.report.portable), walk(2, seed=5)
    expected = interpreter.predict(x)
    interpreter.set_input(x[0])
    other = threading.Thread(target=interpreter.predict, args=(x[1:],))
    other.start()
    other.join()
    for call in (interpreter.invoke, interpreter.output):
        with pytest.raises(InputError, match=r"use predict\(\), or an Interpreter for each thread"):
            call()
    # The next sample is a new beginning, and may be handed to a thread that wrote none.
    interpreter.set_input(x[0])
    worker = threading.Thread(target=interpreter.invoke)
    worker.start()
    worker.join()
    np.testing.assert_array_equal(interpreter.output(), expected[0])


def test_frames_of_a_stream_stay_whole(exported: Exported) -> None:
    """Equal frames from several threads: whatever their order, the stream is the same."""
    stream, frame = Streamer(exported.report.stream_portable), walk(1)[0, 3]
    alone = [stream.process(frame) for _ in range(THREADS * ROUNDS)]
    stream.reset()
    found: list[np.ndarray] = []

    def work(_: int) -> list[str]:
        found.extend(stream.process(frame) for _ in range(ROUNDS))
        return []

    in_threads(work)
    rows = {row.tobytes() for row in alone}
    assert len(found) == len(alone) and {row.tobytes() for row in found} == rows
