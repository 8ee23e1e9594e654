"""The table of the main job: each form of the keyword model, by the utterance and the frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from tfpipeline.bench.timing import Timing, time_interleaved


class Invokable(Protocol):
    """Anything that runs one inference on the input that it already holds."""

    def invoke(self) -> object: ...


@dataclass(frozen=True)
class Candidate:
    """One form of the model, ready to run: inputs set, tensors allocated.

    Args:
        name: the row's name, such as `"fused int8"`.
        path: the `.tflite` file of the whole-utterance form; its size is the row's size.
        utterance: runs one utterance a call, or None.
        frame: runs one 10 ms frame a call, or None.
        parameters: weights that the form stores, or None when unknown.
        runtime: what runs it, such as `"ai-edge-litert 2.3.0"`.
    """

    name: str
    path: Path
    utterance: Invokable | None
    frame: Invokable | None
    parameters: int | None = None
    runtime: str = ""


@dataclass(frozen=True)
class KeywordRow:
    """Size and speed of one form; times are µs a call on one thread."""

    name: str
    bytes: int
    parameters: int | None
    us_per_utterance: Timing | None
    us_per_frame: Timing | None
    runtime: str

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


def keyword_table(
    candidates: Sequence[Candidate], *, rounds: int = 15, round_seconds: float = 0.02
) -> list[KeywordRow]:
    """Time all candidates against each other in the same run, in the order given.

    Utterances are timed among themselves and frames among themselves, each interleaved
    (`time_interleaved`), so that the ratios between rows are worth something.
    """
    utterances = _measure(candidates, lambda c: c.utterance, rounds, round_seconds, "utterances")
    frames = _measure(candidates, lambda c: c.frame, rounds, round_seconds, "frames")
    return [
        KeywordRow(
            name=candidate.name,
            bytes=candidate.path.stat().st_size,
            parameters=candidate.parameters,
            us_per_utterance=utterances.get(candidate.name),
            us_per_frame=frames.get(candidate.name),
            runtime=candidate.runtime,
        )
        for candidate in candidates
    ]


def _measure(
    candidates: Sequence[Candidate],
    pick: Callable[[Candidate], Invokable | None],
    rounds: int,
    round_seconds: float,
    what: str,
) -> dict[str, Timing]:
    calls: dict[str, Callable[[], object]] = {}
    for candidate in candidates:
        runner = pick(candidate)
        if runner is not None:
            calls[candidate.name] = runner.invoke
    if not calls:
        return {}
    return time_interleaved(
        calls, rounds=rounds, round_seconds=round_seconds, label=f"Timing {what}"
    )
