"""The timer: right figures, fair order, clear errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfpipeline.bench import Candidate, describe_machine, keyword_table, time_interleaved


class Clock:
    """Time that passes only where a test says so, in place of the timer's `time`."""

    def __init__(self) -> None:
        self.nanoseconds = 0

    def perf_counter_ns(self) -> int:
        return self.nanoseconds

    def perf_counter(self) -> float:
        return self.nanoseconds / 1e9

    def wait(self, microseconds: int) -> None:
        self.nanoseconds += 1000 * microseconds


class Waiter:
    def __init__(self, clock: Clock, microseconds: int) -> None:
        self.clock = clock
        self.microseconds = microseconds

    def invoke(self) -> None:
        self.clock.wait(self.microseconds)


@pytest.fixture()
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    own = Clock()
    monkeypatch.setattr("tfpipeline.bench.timing.time", own)
    return own


def test_a_known_wait_is_measured_in_microseconds(clock: Clock) -> None:
    timings = time_interleaved(
        {"short": lambda: clock.wait(100), "long": lambda: clock.wait(400)},
        rounds=7,
        round_seconds=0.004,
        warm_up_seconds=0.002,
        label=None,
    )
    for name, microseconds, calls in (("short", 100, 40), ("long", 400, 10)):
        timing = timings[name]
        assert timing.min == timing.median == timing.max == microseconds
        assert (timing.rounds, timing.calls_per_round) == (7, calls)


def test_a_slow_round_does_not_move_the_least_and_the_median(clock: Clock) -> None:
    waits = iter([100] * 3 + [900] + [100] * 100)
    timing = time_interleaved(
        {"one": lambda: clock.wait(next(waits))},
        rounds=5,
        round_seconds=1e-4,
        warm_up_seconds=0,
        label=None,
    )["one"]
    assert (timing.min, timing.median, timing.max) == (100, 100, 900)


def test_rounds_are_interleaved_and_the_order_turns(clock: Clock) -> None:
    order: list[str] = []

    def call(name: str) -> None:
        order.append(name)
        clock.wait(200)

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


def test_the_table_keeps_order_sizes_and_gaps(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "a.tflite").write_bytes(bytes(123))
    (tmp_path / "b.tflite").write_bytes(bytes(45))
    rows = keyword_table(
        [
            Candidate(
                "a", tmp_path / "a.tflite", Waiter(clock, 50), Waiter(clock, 10), parameters=7
            ),
            Candidate("b", tmp_path / "b.tflite", Waiter(clock, 100), None, runtime="none"),
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
