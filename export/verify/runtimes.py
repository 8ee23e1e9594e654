"""Whether an exported file gives the same bits in every runtime that is installed here."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.export.options import Form
from tfpipeline.export.samples.signature import Samples
from tfpipeline.runtime import Interpreter, RuntimeUnavailableError

_RUNTIMES = ("litert", "tf", "tflite_runtime")
_MOST_SAMPLES = 8


@dataclass(frozen=True)
class RuntimeReport:
    """One runtime against the one that verification used.

    Args:
        runtime: Name and version.
        equal: Whether all outputs have the same bits.
        max_difference: Largest absolute difference of an output.
        error: Why it cannot run the file, or None.
    """

    runtime: str
    equal: bool
    max_difference: float | None
    error: str | None = None


def in_other_runtimes(
    files: Mapping[Form, Path], samples: Samples
) -> dict[str, tuple[RuntimeReport, ...]]:
    """Run every whole-sequence form in the other runtimes that are installed."""
    return {
        form.name: _across_runtimes(path, samples)
        for form, path in files.items()
        if not form.streaming
    }


def _across_runtimes(path: Path, samples: Samples) -> tuple[RuntimeReport, ...]:
    """Run a whole-sequence file in each further runtime and compare it with the default one."""
    few = {name: values[:_MOST_SAMPLES] for name, values in samples.items()}
    expected = _outputs(Interpreter(path).predict(few))
    reports = []
    for name in _RUNTIMES[1:]:
        try:
            with warnings.catch_warnings():
                # tf.lite says that LiteRT will replace it: that is why both are compared.
                warnings.simplefilter("ignore")
                interpreter = Interpreter(path, runtime=name)
        except RuntimeUnavailableError:
            continue
        except Exception as error:
            # Another runtime may refuse a file for any reason of its own: that is the finding.
            reports.append(RuntimeReport(name, False, None, str(error).splitlines()[0]))
            continue
        found = _outputs(interpreter.predict(few))
        pairs = list(zip(found, expected, strict=True))
        reports.append(
            RuntimeReport(
                interpreter.runtime,
                all(np.array_equal(a, b) for a, b in pairs),
                max(float(np.abs(a.astype(np.float64) - b).max()) for a, b in pairs),
            )
        )
    return tuple(reports)


def _outputs(values: Any) -> list[np.ndarray]:
    return list(values.values()) if isinstance(values, dict) else [values]
