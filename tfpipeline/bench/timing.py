"""Times several functions side by side, so that a noisy machine is noisy for all of them."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from tfpipeline.progress import ProgressBar

_NS_PER_US = 1000.0


@dataclass(frozen=True)
class Timing:
    """Microseconds a call: the least, the median and the most over the rounds of a measurement."""

    min: float
    median: float
    max: float
    rounds: int
    calls_per_round: int

    def to_dict(self) -> dict[str, float | int]:
        return asdict(self)


def time_interleaved(
    calls: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 15,
    round_seconds: float = 0.02,
    warm_up_seconds: float = 0.05,
    label: str | None = "Timing",
) -> dict[str, Timing]:
    """Measure each function in turn, round after round, and report µs a call.

    One round times every function once, for about `round_seconds`; the order turns by one from
    round to round. A slow moment of the machine then falls on all candidates alike, which an
    A-then-B measurement cannot promise. The median over the rounds is the figure to compare.

    Args:
        calls: name of a candidate -> function without arguments, such as `interpreter.invoke`.
        rounds: rounds to take; the medians are over these.
        round_seconds: about how long one candidate is timed in one round.
        warm_up_seconds: how long each candidate runs before the first round.
        label: text of the progress bar; None for no bar.

    Raises:
        ValueError: `calls` is empty, or a count or a time is not positive.

    Example:
        `time_interleaved({"ours": a.invoke, "theirs": b.invoke})["ours"].median`
    """
    if not calls:
        raise ValueError("calls: expected at least one function to time, got none.")
    if rounds < 1 or round_seconds <= 0 or warm_up_seconds < 0:
        raise ValueError(
            "rounds and round_seconds: expected positive numbers (and warm_up_seconds >= 0), got "
            f"rounds={rounds}, round_seconds={round_seconds}, warm_up_seconds={warm_up_seconds}."
        )
    counts = {
        name: _calls_that_fill(call, round_seconds, warm_up_seconds) for name, call in calls.items()
    }
    samples: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    collecting = gc.isenabled()
    gc.disable()
    try:
        with ProgressBar(label, rounds) if label else _NoBar() as bar:
            for turn in range(rounds):
                start = turn % len(names)
                for name in names[start:] + names[:start]:
                    samples[name].append(_us_a_call(calls[name], counts[name]))
                bar.advance()
    finally:
        if collecting:
            gc.enable()
    return {
        name: Timing(
            min=min(values),
            median=statistics.median(values),
            max=max(values),
            rounds=rounds,
            calls_per_round=counts[name],
        )
        for name, values in samples.items()
    }


def _us_a_call(call: Callable[[], object], count: int) -> float:
    start = time.perf_counter_ns()
    for _ in range(count):
        call()
    return (time.perf_counter_ns() - start) / (_NS_PER_US * count)


def _calls_that_fill(call: Callable[[], object], seconds: float, warm_up_seconds: float) -> int:
    """Warm the function up and return how many calls take about `seconds`."""
    call()
    best = _us_a_call(call, 1)
    ends = time.perf_counter() + warm_up_seconds
    while time.perf_counter() < ends:
        best = min(best, _us_a_call(call, 1))
    return max(1, round(seconds * 1e6 / max(best, 0.01)))


class _NoBar:
    def __enter__(self) -> _NoBar:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def advance(self) -> None:
        return None
