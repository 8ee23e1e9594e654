"""Tables of measurements, beside what was recorded of others and what was aimed at.

Every column says where its numbers come from: `[counted]` exactly, by a `[rule]`, `[modelled]` by
llvm-mca or the model of the caches, or `[recorded]` earlier.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from arm.mca import PROCESSORS
from arm.measure import Measurement, Subject
from arm.tools import ArmBenchError
from tfpipeline.numerics.cells import CELLS

BATCHES = (1, 2, 3, 4, 8)
# Measures of products with vectors and results in float32.
FLOAT = "float_"
_OUTPUTS = {"gemm": "int32", "float": "float32"}

Key = tuple[str, str, str, int]


def values_of(result: Measurement) -> dict[tuple[str, str], float]:
    """Return values by (measure, source), named as the columns of recorded.csv and goals.csv."""
    subject = result.subject
    lines = result.dram["loaded"] + result.dram["allocated"]
    if subject.is_recurrent:
        steps, step = subject.sizes[2], _step(subject)
        return {
            (f"{step}_instructions", "counted"): result.instructions / steps,
            (f"{step}_dram_bytes", "cache"): lines / steps,
            (f"{step}_cycles", "a53rule"): result.a53 / steps,
            **{(f"{step}_cycles", cpu): c / steps for cpu, c in result.cycles.items()},
        }
    prefix = FLOAT if subject.kind == "float" else ""
    return {
        (f"{prefix}instructions", "counted"): result.instructions / subject.macs,
        (f"{prefix}dram", "cache"): lines / weight_bytes(subject),
        (f"{prefix}cycles", "a53rule"): result.a53 / subject.macs,
        **{(f"{prefix}cycles", cpu): c / subject.macs for cpu, c in result.cycles.items()},
    }


def _step(subject: Subject) -> str:
    """Return how its measures are called; goals and recorded numbers are steps of sequences."""
    return f"{subject.kind}_{'step' if subject.sizes[2] > 1 else 'streamed_step'}"


def weight_bytes(subject: Subject) -> float:
    """Return the bytes of the weights of a product, before anything is packed beside them."""
    return subject.sizes[0] * subject.sizes[1] * subject.weight_bits / 8


def batch_of(result: Measurement) -> int:
    return 1 if result.subject.is_recurrent else result.subject.sizes[2]


def read_recorded(path: Path) -> dict[Key, float]:
    """Return the numbers of recorded.csv by (subject, measure, source, batch)."""
    return {
        (row["subject"], row["measure"], row["source"], batch): float(row[str(batch)])
        for row in _read(path)
        for batch in BATCHES
        if row[str(batch)]
    }


@dataclass(frozen=True)
class Goal:
    """What was aimed at for one number, and what came out; `rival` is None for a plain limit.

    With a rival, `reached` and `aimed` say how many times ours the rival's number is.
    """

    variant: str
    measure: str
    source: str
    rival: str | None
    batch: int
    aimed: float
    reached: float

    @property
    def met(self) -> bool:
        return self.reached >= self.aimed if self.rival else self.reached <= self.aimed


def check_goals(
    path: Path, results: Iterable[Measurement], recorded: Mapping[Key, float]
) -> list[Goal]:
    """Return the goals of goals.csv for which there are measurements.

    Products count with int8 weights, and with results in int8 or, as `float_` measures, float32:
    those of the rivals, too, have them.
    """
    ours: dict[Key, float] = {}
    for result in results:
        if result.subject.kind not in ("int8", "float", *CELLS):
            continue
        for (what, source), value in values_of(result).items():
            ours[(result.subject.variant, what, source, batch_of(result))] = value
    goals = []
    for row in _read(path):
        for batch in BATCHES:
            where = (row["measure"], row["source"], batch)
            key = (row["variant"], *where)
            if key not in ours or not row[str(batch)]:
                continue
            value = ours[key]
            rival = row["rival"] or None
            measure = row["measure"].removeprefix(FLOAT)
            reached = recorded[(rival, measure, *where[1:])] / value if rival else value
            aimed = float(row[str(batch)])
            goals.append(Goal(row["variant"], *where[:2], rival, batch, aimed, reached))
    return goals


def gemm_rows(
    results: Sequence[Measurement], recorded: Mapping[Key, float]
) -> list[dict[str, object]]:
    """Return one row a variant and batch; numbers are for each multiply-accumulate.

    Others' numbers stand beside products of int8 weights.
    """
    rivals = {
        "gemmlowp_instructions": ("gemmlowp", "instructions", "counted"),
        "litert_a53_a53rule_cycles": ("litert_a53", "cycles", "a53rule"),
        "litert_cortex-a72_cycles": ("litert_a72", "cycles", "cortex-a72"),
        "litert_neoverse-n1_cycles": ("litert_a76", "cycles", "neoverse-n1"),
        "litert_float_neoverse-n1_cycles": ("litert_a76_float", "cycles", "neoverse-n1"),
    }
    rows = []
    for result in results:
        subject = result.subject
        output = _OUTPUTS.get(subject.kind, "int8")
        row = {"weight_bits": subject.weight_bits, "output": output} | _row(result, subject.macs)
        for name, count in result.dram.items():
            row[f"dram_{name}_in_weights [modelled]"] = f"{count / weight_bytes(subject):.4f}"
        for name, key in rivals.items():
            number = recorded.get((*key, subject.sizes[2]), "")
            row[f"{name} [recorded]"] = number if subject.weight_bits == 8 else ""
        rows.append(row)
    return rows


def sparse_rows(results: Sequence[Measurement]) -> list[dict[str, object]]:
    """Return one row a variant and batch: sparse weights beside dense ones, with int32 sums."""
    by_subject = {(r.subject.kind, r.subject.variant, r.subject.sizes): r for r in results}
    rows: list[dict[str, object]] = []
    for (kind, variant, sizes), sparse in by_subject.items():
        dense = by_subject.get(("gemm", variant, sizes))
        if kind != "sparse" or dense is None:
            continue
        row: dict[str, object] = {"variant": variant, "sizes": "x".join(map(str, sizes))}
        for name, result in (("dense", dense), ("sparse", sparse)):
            row[f"{name}_instructions [counted]"] = result.instructions
            row[f"{name}_weight_bytes [counted]"] = result.weights
        row["times_fewer_instructions [counted]"] = (
            f"{dense.instructions / sparse.instructions:.2f}"
        )
        rows.append(row)
    return rows


def recurrent_rows(
    results: Sequence[Measurement], recorded: Mapping[Key, float]
) -> list[dict[str, object]]:
    """Return one row a cell and variant; numbers are for each step of the sequence.

    Others' numbers are left empty where none was recorded for the cell, and for a streamed step.
    """
    rows = []
    for result in results:
        step = _step(result.subject)
        row = {"cell": result.subject.kind} | _row(result, result.subject.sizes[2], digits=0)
        for name, count in result.dram.items():
            row[f"dram_{name}_bytes [modelled]"] = round(count / result.subject.sizes[2])
        for processor in ("a53", "a76"):
            key = (f"litert_{processor}", f"{step}_instructions", "counted", 1)
            row[f"litert_{processor}_instructions [recorded]"] = _rounded(recorded.get(key))
        key = ("litert", f"{step}_dram_bytes", "cache", 1)
        row["litert_dram_bytes [recorded]"] = _rounded(recorded.get(key))
        rows.append(row)
    return rows


def ternary_rows(results: Sequence[Measurement]) -> list[dict[str, object]]:
    """Return one row a cell, variant and bits of ternary weights, beside the same with 8 bits."""
    whole = {
        (r.subject.kind, r.subject.variant, r.subject.sizes): r
        for r in results
        if r.subject.ternary_bits == 8
    }
    rows: list[dict[str, object]] = []
    for result in results:
        subject = result.subject
        if not subject.ternary_bits:
            continue
        steps, other = subject.sizes[2], whole[subject.kind, subject.variant, subject.sizes]
        row = {"cell": subject.kind, "bits": subject.ternary_bits} | _row(result, steps, digits=0)
        row["weight_bytes [counted]"] = result.weights
        fewer = other.instructions / result.instructions
        row["times_fewer_instructions_than_int8 [counted]"] = f"{fewer:.2f}"
        rows.append(row)
    return rows


def _rounded(number: float | None) -> int | str:
    return "" if number is None else round(number)


def goal_rows(goals: Sequence[Goal]) -> list[dict[str, object]]:
    return [
        {
            "variant": goal.variant,
            "measure": goal.measure,
            "source": goal.source,
            "batch": goal.batch,
            "rival [recorded]": goal.rival or "",
            "aimed": f"{goal.aimed:.6g}",
            "reached": f"{goal.reached:.4g}" if goal.reached < 1000 else f"{goal.reached:.0f}",
            "met": "yes" if goal.met else "no",
        }
        for goal in goals
    ]


def write_csv(path: Path, notes: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Write a table under comment lines, whole or not at all."""
    text = io.StringIO()
    text.writelines(f"# {note}\n" for note in notes)
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text(path, text.getvalue())


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _row(result: Measurement, unit: int, digits: int = 5) -> dict[str, object]:
    a, b, c = result.subject.sizes
    row: dict[str, object] = {
        "variant": result.subject.variant,
        "sizes": f"{a}x{b}x{c}",
        "instructions_of_the_call [counted]": result.instructions,
        "instructions [counted]": f"{result.instructions / unit:.{digits}f}",
    }
    for name, count in result.classes.items():
        row[f"{name} [counted]"] = f"{count / unit:.{digits}f}"
    cycles = {
        "a53rule_cycles [rule]": result.a53 if "cortex-a53" in result.subject.processors else None
    }
    for processor in PROCESSORS:
        cycles[f"{processor}_cycles [modelled]"] = result.cycles.get(processor)
    for name, value in cycles.items():
        # Empty where the processor cannot run the variant.
        row[name] = "" if value is None else f"{value / unit:.{digits}f}"
    return row


def _read(path: Path) -> list[dict[str, str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ArmBenchError(f"sources: {path} cannot be read: {error.strerror}.") from error
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))
