"""The options of every low-rank study, and what they open; light, because help shows them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfpipeline.studies.common.rows import StudyResult
    from tfpipeline.studies.low_rank.pool import Pool
    from tfpipeline.studies.low_rank.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of every low-rank study."""
    parser.add_argument(
        "--data",
        type=Path,
        help="a corpus of sentences (LibriSpeech, WSJ or Kaldi layout); default: a synthesized one",
    )
    parser.add_argument(
        "--backend",
        choices=("jax", "tensorflow"),
        help="of Keras in the processes that train (default: jax where it is installed)",
    )


def pooled(study: Callable[[Pool, str], StudyResult]) -> Callable[..., StudyResult]:
    """Turn a function of a pool and the command line into the `run` of a study."""

    def run(
        out: Path,
        *,
        quick: bool = False,
        processes: int = 1,
        command: str = "",
        data: Path | None = None,
        backend: str | None = None,
        settings: Settings | None = None,
    ) -> StudyResult:
        from tfpipeline.studies.low_rank.pool import Pool

        pool = Pool(
            out, quick=quick, data=data, processes=processes, backend=backend, settings=settings
        )
        return study(pool, command)

    run.__doc__ = study.__doc__
    return run
