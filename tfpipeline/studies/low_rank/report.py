"""What every low-rank study leaves: a table, a picture, how it came about, and what holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tfpipeline.studies.common.claims import Claim, spread
from tfpipeline.studies.common.provenance import describe_run, origins
from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.common.written_study import write_study
from tfpipeline.studies.low_rank.pool import Pool

COLORS = {"none": "#6a994e", "l2": "#33658a", "trace_norm": "#c8553d", "factors": "#e9a03b"}
LABELS = {
    "none": "unregularized",
    "l2": "ℓ2",
    "trace_norm": "trace norm",
    "factors": "factors, no penalty",
}


def errors_of(rows: Sequence[Row]) -> str:
    """Return the error rates of rows of one setting, on validation and on test speakers."""
    validation, test = ([row[f"cer_{split}"] for row in rows] for split in ("validation", "test"))
    return f"{spread(validation)} %, test {spread(test)} %"


def finish(
    pool: Pool,
    name: str,
    command: str,
    columns: Sequence[str],
    rows: Sequence[Row],
    claims: Sequence[Claim],
    draw: Callable[[Any], None] | None,
    figure_size: tuple[float, float] = (10, 4.2),
    extra: Sequence[str] = (),
    further: Mapping[str, tuple[Sequence[str], Sequence[Row]]] = MappingProxyType({}),
) -> StudyResult:
    """Write the files of a low-rank study, and sum up.

    Args:
        pool: the runs' pool.
        name: of the study.
        command: the command line.
        columns, rows, claims, draw, figure_size, extra, further: see `write_study`.
    """
    about = describe_run(
        name,
        command,
        pool.settings.seeds,
        {"corpus": pool.corpus},
        {"backend": pool.backend, **dataclasses.asdict(pool.settings)},
    )
    about["rows_from"] = origins(pool.used)
    return write_study(pool.out, about, columns, rows, claims, draw, figure_size, extra, further)
