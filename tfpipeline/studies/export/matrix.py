"""Which models export in which way, and how close the files are: every combination, tried.

A row is one file: a model, a mode, a shape in time, a form and a kind of state. It passes its
verification, or it is impossible for the reason that `export` itself gives.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfpipeline.recipes.atomic import replacing, write_json
from tfpipeline.recipes.provenance import installed_versions
from tfpipeline.studies.common.provenance import describe_run
from tfpipeline.studies.common.rows import Row, RowStore, StudyResult, write_csv
from tfpipeline.studies.common.tasks import run_tasks
from tfpipeline.studies.export.matrix_data import FRAMES
from tfpipeline.studies.export.matrix_models import MODELS, MatrixModel, build
from tfpipeline.studies.export.matrix_table import support_page
from tfpipeline.studies.export.other_runtime import compare
from tfpipeline.studies.export.pairwise import Case, pairwise

MODES = ("float32", "float16", "dynamic", "int8", "int16x8", "int4", "int2", "int8x4", "int8x2")
FACTORS: Mapping[str, tuple[Any, ...]] = {
    "model": tuple(MODELS),
    "mode": MODES,
    "time": ("whole", "step", "chunk 4"),
    "form": ("portable", "fused"),
    "state": ("explicit", "internal"),
}
_CHUNKS = {"whole": None, "step": 1, "chunk 4": 4}
_TERNARY = ("int2", "int8x2")
_ONE_FILE: Case = {"mode": "int8", "time": "whole", "form": "fused", "state": "explicit"}
_SEED = 0
PASSED, IMPOSSIBLE, FAILED = "passed", "impossible", "failed"
_RESULTS = (
    "outcome",
    "reason",
    "relative_error",
    "agreement",
    "bytes",
    "equals_whole",
    "kept_float",
    "tflite_runtime",
)
COLUMNS = (*FACTORS, *_RESULTS)


def run_matrix(
    out: Path,
    quick: bool,
    processes: int,
    command: str,
    tflite_runtime: str | None,
    page: Path | None,
) -> StudyResult:
    """Fill the matrix, or with `quick` the part of it that `quick_cases` picks."""
    basis = {**installed_versions(), "seed": _SEED, "tflite-runtime": bool(tflite_runtime)}
    store = RowStore(out / "export_matrix.rows.jsonl", tuple(FACTORS), basis)
    cases = quick_cases() if quick else all_cases()
    run_tasks(tasks_of(cases, tflite_runtime), fill, store, "Export matrix", processes)
    rows = store.rows(cases)
    table, about = out / "export_matrix.csv", out / "export_matrix.json"
    write_csv(table, COLUMNS, rows)
    data = {"features": "synthesized from the seed", "frames": FRAMES}
    settings = {"quick": quick, "models": {name: kind.title for name, kind in MODELS.items()}}
    write_json(about, describe_run("export-matrix", command, [_SEED], data, settings))
    files = [table, about]
    if page is not None:
        with replacing(page) as partial:
            partial.write_text(support_page(table), encoding="utf-8")
        files.append(page)
    counts = {name: sum(row["outcome"] == name for row in rows) for name in (PASSED, IMPOSSIBLE)}
    failed = [row for row in rows if row["outcome"] == FAILED]
    lines = [f"{len(rows)} files: {counts[PASSED]} pass, {counts[IMPOSSIBLE]} impossible"]
    lines += [f"FAILED {' '.join(map(str, store.key(row)))}: {row['reason']}" for row in failed]
    return StudyResult(rows, tuple(files), "\n".join(lines), ok=not failed)


def all_cases() -> list[Case]:
    """Return every row of the matrix; whole sequences have no states and count as "explicit"."""
    return [
        dict(zip(FACTORS, (model, mode, time, form, state), strict=True))
        for model in FACTORS["model"]
        for mode in FACTORS["mode"]
        for time in FACTORS["time"]
        for form in FACTORS["form"]
        for state in FACTORS["state"]
        if time != "whole" or state == "explicit"
    ]


def quick_cases() -> list[Case]:
    """Return all pairs of levels that can pass, and each kind of refusal once.

    Of models with a cell of their own, one file each: all else is as with the others.
    """
    cases = all_cases()
    refused: dict[tuple[Any, ...], Case] = {}
    for case in cases:
        kind = _refusal(case)
        if kind is not None and MODELS[case["model"]].quick:
            refused.setdefault(kind, case)
    tried = [case for case in cases if MODELS[case["model"]].quick and _refusal(case) is None]
    # Weights of their own are converted once more, and for a stream at three lengths.
    cheap = [case for case in tried if case["mode"] not in _TERNARY or case["time"] == "whole"]
    picked = pairwise(cheap)
    picked += [*pairwise(tried, picked), *refused.values()]
    picked += [{"model": name, **_ONE_FILE} for name, kind in MODELS.items() if not kind.quick]
    return [case for case in cases if case in picked]


def _refusal(case: Case) -> tuple[Any, ...] | None:
    """Return what makes a case impossible, a name for all cases of one reason, or None."""
    if case["form"] == "fused" and case["mode"] in ("float32", "float16", "int16x8"):
        return ("form", case["mode"])
    if case["time"] != "whole" and case["model"] in ("factored_dense", "bidirectional"):
        return (case["model"], case["time"])
    return None


@dataclass(frozen=True)
class MatrixTask:
    """All rows of one model, so that it is converted once."""

    rows: tuple[Case, ...]
    tflite_runtime: str | None


def tasks_of(cases: Iterable[Case], tflite_runtime: str | None) -> list[MatrixTask]:
    """Return one task a model."""
    by_model: dict[str, list[Case]] = {}
    for case in cases:
        by_model.setdefault(case["model"], []).append(case)
    return [MatrixTask(tuple(rows), tflite_runtime) for rows in by_model.values()]


def fill(task: MatrixTask) -> Iterator[Row]:
    """Export everything that a task asks for."""
    from tfpipeline.export import kept_conversions

    built: dict[bool, MatrixModel] = {}
    rows: list[tuple[Row, MatrixModel]] = []
    with kept_conversions(), tempfile.TemporaryDirectory(prefix="export-matrix-") as folder:
        # A conversion for the longest chunk serves all others.
        for case in sorted(task.rows, key=lambda row: -(_CHUNKS[row["time"]] or 0)):
            ternary = case["mode"] in _TERNARY
            if ternary not in built:
                built[ternary] = build(case["model"], ternary, _SEED)
            target = Path(folder) / f"{len(rows)}.tflite"
            rows.append(({**case, **try_case(built[ternary], case, target)}, built[ternary]))
        if task.tflite_runtime is not None:
            written = [row for row, _ in rows if row["outcome"] == PASSED]
            paths = [Path(row["path"]) for row in written]
            # The data is the same for all weights of a model.
            inputs = rows[0][1].verification
            for row, text in zip(written, compare(task.tflite_runtime, paths, inputs), strict=True):
                row["tflite_runtime"] = text
        for row, _ in rows:
            row.pop("path")
            yield row


def try_case(built: MatrixModel, case: Case, target: Path) -> Row:
    """Export one file and say what came of it, and where it lies."""
    from tfpipeline.export import ExportError, VerificationError, export

    chunk = _CHUNKS[case["time"]]
    nothing: Row = dict.fromkeys((*_RESULTS, "path"))
    options = {} if chunk is None else {"streaming": "both", "chunk": chunk, "state": case["state"]}
    try:
        report = export(
            built.model,
            target,
            quantize=case["mode"],
            calibration=built.calibration,
            verification=built.verification,
            forms=(case["form"],),
            **options,
        )
    except VerificationError as error:
        return {**nothing, "outcome": FAILED, "reason": str(error)}
    except ExportError as error:
        return {**nothing, "outcome": IMPOSSIBLE, "reason": str(error)}
    form = report.form(("" if chunk is None else "stream ") + case["form"])
    assert form is not None
    return {
        **nothing,
        "outcome": PASSED,
        "relative_error": max(form.relative_error, form.channel_error),
        "agreement": form.agreement,
        "bytes": form.bytes,
        "equals_whole": form.equals_whole,
        "kept_float": " ".join(report.kept_float) or None,
        "path": form.path,
    }
