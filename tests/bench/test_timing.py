"""The timer: right figures, fair order, clear errors."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tfpipeline.bench import Candidate, describe_machine, keyword_table, time_interleaved


def wait(microseconds: float) -> None:
    ends = time.perf_counter_ns() + microseconds * 1000
    while time.perf_counter_ns() < ends:
        pass


class Waiter:
    def __init__(self, microseconds: float) -> None:
        self.microseconds = microseconds
        self.calls = 0

    def invoke(self) -> None:
        self.calls += 1
        wait(self.microseconds)


def test_a_known_wait_is_measured_in_microseconds() -> None:
    timings = time_interleaved(
        {"short": Waiter(100).invoke, "long": Waiter(400).invoke},
        rounds=7,
        round_seconds=0.004,
        warm_up_seconds=0.002,
        label=None,
    )
    # The wait is a floor. How far above it a busy machine is says nothing about the timer, but
    # milliseconds or nanoseconds taken for microseconds would be below it or a thousand times it.
    assert 100 <= timings["short"].min < 30_000
    assert 400 <= timings["long"].min < 120_000
    for timing in timings.values():
        assert timing.min <= timing.median <= timing.max
        assert timing.rounds == 7
    assert timings["short"].calls_per_round > timings["long"].calls_per_round


def test_rounds_are_interleaved_and_the_order_turns() -> None:
    order: list[str] = []

    def call(name: str) -> None:
        order.append(name)
        wait(200)

    time_interleaved(
        {name: (lambda name=name: call(name)) for name in "ab"},
        rounds=4,
        round_seconds=1e-4,
        warm_up_seconds=0,
        label=None,
    )
    # Two calls each to learn the duration, then one call a round.
    assert order == list("aabb") + list("abbaabba")


@pytest.mark.parametrize("arguments", [{"rounds": 0}, {"round_seconds": 0.0}])
def test_wrong_arguments_are_named(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        time_interleaved({"a": lambda: None}, **arguments)  # type: ignore[arg-type]


def test_nothing_to_time_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        time_interleaved({})


def test_the_table_keeps_order_sizes_and_gaps(tmp_path: Path) -> None:
    (tmp_path / "a.tflite").write_bytes(bytes(123))
    (tmp_path / "b.tflite").write_bytes(bytes(45))
    rows = keyword_table(
        [
            Candidate("a", tmp_path / "a.tflite", Waiter(50), Waiter(10), parameters=7),
            Candidate("b", tmp_path / "b.tflite", Waiter(100), None, runtime="none"),
        ],
        rounds=3,
        round_seconds=0.001,
    )
    assert [(row.name, row.bytes, row.parameters) for row in rows] == [
        ("a", 123, 7),
        ("b", 45, None),
    ]
    assert rows[0].us_per_utterance and rows[1].us_per_utterance
    assert rows[0].us_per_utterance.median < rows[1].us_per_utterance.median
    assert rows[0].us_per_frame is not None
    assert rows[1].us_per_frame is None
    assert rows[1].to_dict()["us_per_frame"] is None


def test_the_machine_is_described() -> None:
    machine = describe_machine().to_dict()
    assert machine["processor"] and machine["cores"]
    assert isinstance(machine["flags"], list)
