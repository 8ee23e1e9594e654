"""The options of studies that train in a pool, and what they open; light, as help shows them."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfpipeline.studies.common.rows import StudyResult


def add_pool_arguments(
    parser: argparse.ArgumentParser,
    corpus: str,
    otherwise: str = "a synthesized one",
) -> None:
    """Add the options of a study that trains.

    Args:
        parser: of the study.
        corpus: what `--data` takes.
        otherwise: what is taken without it.
    """
    parser.add_argument("--data", type=Path, help=f"{corpus}; default: {otherwise}")
    parser.add_argument(
        "--backend",
        choices=("jax", "tensorflow"),
        help="of Keras in the processes that train (default: jax where it is installed)",
    )


def pooled_by(
    module: str,
) -> Callable[[Callable[[Any, str], StudyResult]], Callable[..., StudyResult]]:
    """Return what turns a function of a pool and the command line into the `run` of a study.

    Args:
        module: that has the class `Pool`; it is imported when the study runs.
    """

    def pooled(study: Callable[[Any, str], StudyResult]) -> Callable[..., StudyResult]:
        def run(
            out: Path,
            *,
            quick: bool = False,
            processes: int = 1,
            command: str = "",
            data: Path | None = None,
            backend: str | None = None,
            settings: Any = None,
        ) -> StudyResult:
            pool = importlib.import_module(module).Pool(
                out, quick=quick, data=data, processes=processes, backend=backend, settings=settings
            )
            return study(pool, command)

        run.__doc__ = study.__doc__
        return run

    return pooled
