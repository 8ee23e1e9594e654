"""What a study leaves: a table, how it came about, a picture, and what holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tfpipeline.recipes.atomic import replacing, write_json
from tfpipeline.studies.common.claims import Claim
from tfpipeline.studies.common.rows import Row, StudyResult, write_csv


def write_study(
    out: Path,
    about: Mapping[str, Any],
    columns: Sequence[str],
    rows: Sequence[Row],
    claims: Sequence[Claim],
    draw: Callable[[Any], None] | None,
    figure_size: tuple[float, float] = (10, 4.2),
    extra: Sequence[str] = (),
    further: Mapping[str, tuple[Sequence[str], Sequence[Row]]] = MappingProxyType({}),
) -> StudyResult:
    """Write `<study>.csv`, `.json` and `.png`, and sum up.

    Args:
        out: the folder.
        about: what `describe_run` returned, and more.
        columns: of the table.
        rows: of the table.
        claims: what was looked at.
        draw: fills a matplotlib figure; None for no picture.
        figure_size: inches.
        extra: lines of the summary before the claims.
        further: columns and rows of more tables, `<study>_<key>.csv`.
    """
    stem = str(about["study"]).replace("-", "_")
    paths = [out / f"{stem}.{ending}" for ending in ("csv", "json")]
    write_csv(paths[0], columns, rows)
    more = {out / f"{stem}_{key}.csv": table for key, table in further.items()}
    for path, table in more.items():
        write_csv(path, *table)
    held = [{"claim": c.text, "holds": c.holds, "found": c.found} for c in claims]
    write_json(paths[1], {**about, "claims": held})
    if draw is not None:
        paths.append(out / f"{stem}.png")
        _save_figure(paths[-1], draw, figure_size)
    return StudyResult(tuple(rows), (*paths, *more), "\n".join([*extra, *map(str, claims)]))


def _save_figure(path: Path, draw: Callable[[Any], None], size: tuple[float, float]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    draw(figure)
    with replacing(path) as partial:
        figure.savefig(partial, dpi=120, format="png")
