"""`make bench-micro`: counts what a C header's step takes on an emulated Cortex-M0+."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from micro.boards import BoardError, missing
from micro.results import MEGAHERTZ, measure, versions, write_csv
from micro.subjects import SUBJECTS

from tfpipeline.progress import track

OPTIMIZE = ("-Os", "-O2")


def run(results: Path) -> int:
    """Measure everything and write `micro-steps.csv` to the folder `results`."""
    lacking = missing()
    if lacking is not None:
        raise BoardError(lacking)
    cases = [(subject, optimize) for subject in SUBJECTS for optimize in OPTIMIZE]
    rows = []
    for subject, optimize in track(cases, "Counting", len(cases)):
        with tempfile.TemporaryDirectory(prefix="bench-micro-") as name:
            rows.append(measure(subject, optimize, Path(name)))
    notes = [
        f"Written by `make bench-micro`. Nothing here is a time: ms are modelled, at {MEGAHERTZ} "
        "MHz; see docs/results/micro.md.",
        *versions(),
    ]
    write_csv(results / "micro-steps.csv", notes, rows)
    for row in rows:
        print("\n".join(f"{key}: {value}" for key, value in row.items()), end="\n\n")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("build/bench-micro"), help="folder")
    options = parser.parse_args(arguments)
    try:
        return run(options.results)
    except BoardError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
