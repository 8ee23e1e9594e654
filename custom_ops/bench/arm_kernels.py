"""`make bench-arm`: counts all Arm kernels and the recurrent ops; writes tables and a plot."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from arm.disassembly import disassemble
from arm.mca import PROCESSORS
from arm.measure import Measurement, Subject, measure
from arm.plot import plot_gemm
from arm.results import (
    BATCHES,
    check_goals,
    gemm_rows,
    goal_rows,
    read_recorded,
    recurrent_rows,
    sparse_rows,
    ternary_rows,
    write_csv,
    write_text,
)
from arm.tools import ArmBenchError, Tools

from tfpipeline.numerics.cells import CELLS
from tfpipeline.progress import track

# The processors whose models are asked. The Neoverse N1 has no i8mm: its numbers there are those of
# a core that is like it but for SMMLA.
VARIANTS = {
    "neon": PROCESSORS,
    "neon_a53": PROCESSORS,
    "neondot": ("neoverse-n1",),
    "neoni8mm": ("neoverse-n1",),
}
GEMM = (6144, 320)
# Whole sequences, and one step alone as streaming has it, which multiplies in another order.
RECURRENT = ((320, 640, 16), (320, 640, 1))


# A streamed step of ternary layers, by the cells that are used for them.
TERNARY, TERNARY_CELLS = (512, 512, 1), ("gru", "lstm")
# Without 7 of 10 tiles of weights; the same sizes in sums are there already.
SPARSE_BATCHES = (1, 2, 4, 8)


def run(sources: Path, results: Path, l2_bytes: int, only: str | None = None) -> int:
    """Measure everything and write `arm-*.csv` and `arm-gemm.svg` to the folder `results`.

    With `only`, `"sparse"` or `"ternary"`, measure what that table needs, and write nothing else.
    """
    tools = Tools.find()
    recorded = read_recorded(sources / "bench" / "arm" / "recorded.csv")
    subjects = [
        Subject(kind, name, (*GEMM, batch), processors)
        for kind in ("int8", "float", "gemm", "int4", "int2")
        for name, processors in VARIANTS.items()
        for batch in BATCHES
    ]
    subjects += [
        Subject(cell, name, sizes, processors)
        for sizes in RECURRENT
        for cell in CELLS
        for name, processors in VARIANTS.items()
    ]
    sparse = [
        Subject("sparse", name, (*GEMM, batch), processors)
        for name, processors in VARIANTS.items()
        for batch in SPARSE_BATCHES
    ]
    ternary = [
        Subject(cell, name, TERNARY, processors, bits)
        for cell in TERNARY_CELLS
        for bits in (8, 4, 2)
        for name, processors in VARIANTS.items()
    ]
    if only == "sparse":
        dense = {(one.variant, one.sizes) for one in sparse}
        subjects = [s for s in subjects if s.kind == "gemm" and (s.variant, s.sizes) in dense]
        subjects += sparse
    elif only == "ternary":
        subjects = ternary
    else:
        subjects += sparse + ternary
    with tempfile.TemporaryDirectory(prefix="bench-arm-") as name:
        folder = Path(name)
        plugin = tools.build_plugin(sources, folder)
        guest = tools.build_guest(sources, folder / "build")
        listing = disassemble(tools.objdump, guest)
        everything = [
            measure(subject, tools, plugin, guest, listing, folder, l2_bytes)
            for subject in track(subjects, "Counting", len(subjects))
        ]
    check_same_results(everything)
    notes = [
        "Written by `make bench-arm`. Nothing here is a time: see docs/results/arm.md.",
        *(f"{name}: {version}" for name, version in tools.versions().items()),
        f"caches [modelled]: 32 KiB in 4 ways, {l2_bytes >> 10} KiB in 16 ways, cold",
    ]
    if tools.mca_missing:
        # Without the path of what was found: the tables are the same on any machine.
        notes.append("llvm-mca 19 or later was not found: cycles by its models are left out.")
    each = "weights without 70 % of their 8x4 tiles beside dense ones; sums in int32"
    if only != "ternary":
        write_csv(results / "arm-sparse.csv", [*notes, each], sparse_rows(everything))
    if only != "sparse":
        each = "a streamed step with ternary weights, the same ones in 8, 4 and 2 bits"
        write_csv(results / "arm-ternary.csv", [*notes, each], ternary_rows(everything))
    if only:
        return 0
    others = [
        result
        for result in everything
        if result.subject.kind != "sparse" and not result.subject.ternary_bits
    ]
    gemm = [result for result in others if not result.subject.is_recurrent]
    recurrent = [result for result in others if result.subject.is_recurrent]
    goals = check_goals(sources / "bench" / "arm" / "goals.csv", others, recorded)
    each = "numbers without another unit are for each multiply-accumulate"
    write_csv(results / "arm-gemm.csv", [*notes, each], gemm_rows(gemm, recorded))
    each = "numbers are for each step of 16 or of one that is streamed, but for the call's"
    write_csv(results / "arm-recurrent.csv", [*notes, each], recurrent_rows(recurrent, recorded))
    write_csv(results / "arm-goals.csv", notes, goal_rows(goals))
    write_text(results / "arm-gemm.svg", plot_gemm(gemm, recorded))
    met = sum(goal.met for goal in goals)
    print(f"{met} of {len(goals)} goals are met; tables and a plot are in {results}")
    if tools.mca_missing:
        print(f"{tools.mca_missing}. Cycles by its models are left out.")
    return 0


def check_same_results(results: Sequence[Measurement]) -> None:
    """Refuse variants that return other bits: a count of a wrong kernel is not reported."""
    sums: dict[tuple[str, tuple[int, int, int], bool], str] = {}
    for result in results:
        # Ternary weights are the same ones in any number of bits.
        subject = result.subject
        key = (subject.kind, subject.sizes, subject.ternary_bits > 0)
        if sums.setdefault(key, result.checksum) != result.checksum:
            raise ArmBenchError(
                f"{result.subject.variant}: another result than the other variants for "
                f"{result.subject.kind} of {result.subject.sizes}; run tests/arm first."
            )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, default=Path("custom_ops"), help="custom_ops")
    parser.add_argument("--results", type=Path, default=Path("build/bench-arm"), help="folder")
    parser.add_argument("--l2", type=int, default=512, help="KiB of the second-level cache")
    parser.add_argument("--only", choices=("sparse", "ternary"), help="write this table only")
    options = parser.parse_args(arguments)
    try:
        return run(options.sources, options.results, options.l2 << 10, options.only)
    except ArmBenchError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
