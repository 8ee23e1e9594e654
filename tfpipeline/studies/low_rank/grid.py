"""The search over both strengths of both regularizers, which several studies look at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from tfpipeline.studies.common.rows import Row
from tfpipeline.studies.low_rank.runs import Stage1
from tfpipeline.studies.low_rank.settings import Settings, Strengths


def strengths(kind: str, settings: Settings) -> Strengths:
    """Return the strengths of a regularizer on non-recurrent and on recurrent matrices, 0 first."""
    nonrec, rec = settings.trace_norm if kind == "trace_norm" else settings.l2
    return (0.0, *nonrec), (0.0, *rec)


def grid_runs(settings: Settings) -> list[Stage1]:
    """Return every pair of strengths of each kind, with every seed.

    Both strengths 0 is the unregularized model, once for both kinds: factors without a penalty
    compute the same function but train otherwise, so that corner of the trace norm's map is a run
    of its own.
    """
    runs = []
    for seed in settings.seeds:
        runs.append(Stage1(seed))
        for kind in ("l2", "trace_norm"):
            for nonrec, rec in product(*strengths(kind, settings)):
                if kind == "trace_norm" or nonrec or rec:
                    runs.append(Stage1(seed, kind, nonrec, rec))
    return runs


def alone_runs(settings: Settings) -> list[Stage1]:
    """Return still stronger regularizers, of recurrent or of all other matrices only.

    What the grid has already is not among them.
    """
    grid = set(grid_runs(settings))
    runs = [
        Stage1(seed, kind, *pair)
        for seed in settings.seeds
        for kind, values in (("l2", settings.l2_alone), ("trace_norm", settings.trace_norm_alone))
        for value in values
        for pair in ((value, 0.0), (0.0, value))
    ]
    return [run for run in runs if run not in grid]


def transition_epochs(settings: Settings, epochs: int) -> tuple[int, ...]:
    """Return after which of a number of epochs stage 1 ends; both stages have one at least."""
    return tuple(min(max(1, round(share * epochs)), epochs - 1) for share in settings.transitions)


def middle_transition(settings: Settings, epochs: int) -> int:
    """Return the transition for studies that do not ask when."""
    return transition_epochs(settings, epochs)[len(settings.transitions) // 2]


def mean_by_setting(rows: Sequence[Row], column: str) -> dict[str, float]:
    """Return the mean of a column over the seeds, by setting."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row["setting"], []).append(row[column])
    return {setting: float(np.mean(values)) for setting, values in found.items()}


def best_setting(rows: Sequence[Row], kind: str) -> Row:
    """Return a row of the setting of a kind with the lowest mean validation CER."""
    own = [row for row in rows if row["kind"] == kind]
    means = mean_by_setting(own, "cer_validation")
    return min(own, key=lambda row: (means[row["setting"]], row["seed"]))


def on_the_edge(best: Row, settings: Settings) -> list[str]:
    """Return the strengths of a row that are the largest of its grid: more may be better."""
    largest = [values[-1] for values in strengths(best["kind"], settings)]
    return [
        side
        for side, most in zip(("nonrec", "rec"), largest, strict=True)
        if most and best[side] == most
    ]


def best_runs(rows: Sequence[Row], kind: str, settings: Settings) -> list[Stage1]:
    """Return the stage 1 runs of the best setting of a kind, one a seed."""
    best = best_setting(rows, kind)
    return [Stage1(seed, kind, best["nonrec"], best["rec"]) for seed in settings.seeds]
