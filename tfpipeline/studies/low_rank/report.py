"""What every low-rank study leaves: a table, a picture, how it came about, and what holds."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tfpipeline.recipes.atomic import replacing, write_json
from tfpipeline.studies.common.provenance import describe_run
from tfpipeline.studies.common.rows import Row, StudyResult, write_csv
from tfpipeline.studies.low_rank.pool import Pool

COLORS = {"none": "#6a994e", "l2": "#33658a", "trace_norm": "#c8553d", "factors": "#e9a03b"}
LABELS = {
    "none": "unregularized",
    "l2": "ℓ2",
    "trace_norm": "trace norm",
    "factors": "factors, no penalty",
}


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper, and whether it holds here.

    Args:
        text: what is claimed.
        holds: whether it does.
        found: the numbers.
    """

    text: str
    holds: bool
    found: str

    def __str__(self) -> str:
        return f"{'holds' if self.holds else 'does NOT hold'}: {self.text} ({self.found})"


def mean(rows: Sequence[Row], column: str, **having: Any) -> float:
    """Return the mean of a column over the rows in which other columns have the given values."""
    own = [row[column] for row in rows if all(row[name] == value for name, value in having.items())]
    return float(sum(own) / len(own))


def spread(values: Sequence[float]) -> str:
    """Return mean and range of shares, in percent, for a person."""
    average = 100 * sum(values) / len(values)
    return f"{average:.1f} ({100 * min(values):.1f} to {100 * max(values):.1f})"


def errors_of(rows: Sequence[Row]) -> str:
    """Return the error rates of rows of one setting, on validation and on test speakers."""
    validation, test = ([row[f"cer_{split}"] for row in rows] for split in ("validation", "test"))
    return f"{spread(validation)} %, test {spread(test)} %"


def origins(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return how many rows come from which commit and which processor, most first."""
    names = ("commit", "dirty", "processor")
    counts = Counter(tuple(row.get(name) for name in names) for row in rows)
    return [
        {**dict(zip(names, values, strict=True)), "rows": count}
        for values, count in counts.most_common()
    ]


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
    """Write `<name>.csv`, `.json` and `.png`, and sum up.

    Args:
        pool: the runs' pool.
        name: of the study.
        command: the command line.
        columns: of the table.
        rows: of the table.
        claims: what was looked at.
        draw: fills a matplotlib figure; None for no picture.
        figure_size: inches.
        extra: lines of the summary before the claims.
        further: columns and rows of more tables, `<name>_<key>.csv`.
    """
    stem = name.replace("-", "_")
    paths = [pool.out / f"{stem}.{ending}" for ending in ("csv", "json")]
    write_csv(paths[0], columns, rows)
    more = {pool.out / f"{stem}_{key}.csv": table for key, table in further.items()}
    for path, table in more.items():
        write_csv(path, *table)
    about = describe_run(
        name,
        command,
        pool.settings.seeds,
        {"corpus": pool.corpus},
        {"backend": pool.backend, **dataclasses.asdict(pool.settings)},
    )
    if pool.backend == "jax":
        about["versions"]["jax"] = importlib.metadata.version("jax")
    about["rows_from"] = origins(pool.used)
    about["claims"] = [{"claim": c.text, "holds": c.holds, "found": c.found} for c in claims]
    write_json(paths[1], about)
    if draw is not None:
        paths.append(pool.out / f"{stem}.png")
        _save_figure(paths[-1], draw, figure_size)
    return StudyResult(tuple(rows), (*paths, *more), "\n".join([*extra, *map(str, claims)]))


def _save_figure(path: Path, draw: Callable[[Any], None], size: tuple[float, float]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    draw(figure)
    with replacing(path) as partial:
        figure.savefig(partial, dpi=120, format="png")
