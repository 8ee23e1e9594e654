"""Reads `results.json` and says clearly what is wrong with a file that is not one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tfpipeline.errors import TfpipelineError

Results = dict[str, Any]

REQUIRED = ("title", "data", "training", "singular_values", "forms", "latency", "confusion")


class ReportError(TfpipelineError):
    """Results that cannot be shown."""


def read_results(path: str | os.PathLike[str]) -> Results:
    """Read the results of a demo.

    Raises:
        ReportError: the file is missing, is not JSON, or lacks a part that the page shows.
    """
    file = Path(path)
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReportError(
            f"There is no file {file}; expected the results.json that `tfpipeline demo` writes."
        ) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ReportError(f"{file} cannot be read as JSON results: {error}.") from error
    return check_results(results, str(file))


def check_results(results: Any, origin: str = "the results") -> Results:
    """Return `results` when it has every part that the page needs."""
    if not isinstance(results, dict):
        raise ReportError(f"{origin}: expected an object of results, got {type(results).__name__}.")
    missing = [name for name in REQUIRED if name not in results]
    if missing:
        raise ReportError(
            f"{origin}: expected the results of a demo, but {', '.join(missing)} is missing; "
            "make them with `tfpipeline demo`."
        )
    return results
