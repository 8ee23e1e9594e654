"""The study `export-matrix`; see `matrix.py`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfpipeline.studies.common.rows import StudyResult

HELP = "every kind of model in every mode, shape and form: verified, or impossible for a reason"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tflite-runtime",
        metavar="PYTHON",
        default=os.environ.get("TFPIPELINE_TFLITE_RUNTIME_PYTHON"),
        help="Python of an environment with tflite-runtime 2.14, to run every file there too",
    )
    parser.add_argument("--page", type=Path, help="also write the table as Markdown to this file")


def run(
    out: Path,
    *,
    quick: bool = False,
    processes: int = 1,
    command: str = "",
    tflite_runtime: str | None = None,
    page: Path | None = None,
) -> StudyResult:
    """Fill the matrix, or with `quick` a part of it in which each pair of levels occurs."""
    from tfpipeline.studies.export.matrix import run_matrix

    return run_matrix(out, quick, processes, command, tflite_runtime, page)
