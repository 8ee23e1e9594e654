"""The study `export-accuracy`; see `accuracy.py`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfpipeline.studies.common.rows import StudyResult

HELP = "what every number format costs trained keyword models, and whether state errors grow"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models",
        type=Path,
        nargs="+",
        required=True,
        help="stage2.keras of demos with several seeds, trained on the same corpus",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="the corpus, in the layout of Speech Commands")
    source.add_argument(
        "--features",
        type=Path,
        help="its features: .npz with {train,validation,test}_features and test_labels",
    )


def run(
    out: Path,
    *,
    models: list[Path],
    data: Path | None = None,
    features: Path | None = None,
    quick: bool = False,
    processes: int = 1,
    command: str = "",
) -> StudyResult:
    """Measure all modes on the test clips; with `quick` three of them on 200 clips."""
    from tfpipeline.studies.export.accuracy import run_accuracy

    return run_accuracy(out, models, data, features, quick, processes, command)
