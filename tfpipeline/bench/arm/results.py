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

from tfpipeline.bench.arm.mca import PROCESSORS
from tfpipeline.bench.arm.measure import Measurement
from tfpipeline.bench.arm.tools import ArmBenchError

BATCHES = (1, 2, 3, 4, 8)

Key = tuple[str, str, str, int]


def values_of(result: Measurement) -> dict[tuple[str, str], float]:
    """(measure, source) -> value, as the columns of recorded.csv and goals.csv name them."""
    subject = result.subject
    lines = result.dram["loaded"] + result.dram["allocated"]
    if subject.kind == "gru":
        steps = subject.sizes[2]
        return {
            ("gru_step_instructions", "counted"): result.instructions / steps,
            ("gru_step_dram_bytes", "cache"): lines / steps,
            ("gru_step_cycles", "a53rule"): result.a53 / steps,
            **{("gru_step_cycles", cpu): c / steps for cpu, c in result.cycles.items()},
        }
    return {
        ("instructions", "counted"): result.instructions / subject.macs,
        ("dram", "cache"): lines / (subject.sizes[0] * subject.sizes[1]),
        ("cycles", "a53rule"): result.a53 / subject.macs,
        **{("cycles", cpu): c / subject.macs for cpu, c in result.cycles.items()},
    }


def batch_of(result: Measurement) -> int:
    return 1 if result.subject.kind == "gru" else result.subject.sizes[2]


def read_recorded(path: Path) -> dict[Key, float]:
    """(subject, measure, source, batch) -> number, from recorded.csv."""
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
    """The goals of goals.csv for which there are measurements.

    Products count with results in int8, because those of the rivals, too, have them.
    """
    ours: dict[Key, float] = {}
    for result in results:
        if result.subject.kind == "gemm":
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
            reached = recorded[(rival, *where)] / value if rival else value
            aimed = float(row[str(batch)])
            goals.append(Goal(row["variant"], *where[:2], rival, batch, aimed, reached))
    return goals


def gemm_rows(
    results: Sequence[Measurement], recorded: Mapping[Key, float]
) -> list[dict[str, object]]:
    """One row a variant and batch; numbers are for each multiply-accumulate."""
    rivals = {
        "gemmlowp_instructions": ("gemmlowp", "instructions", "counted"),
        "litert_a53_a53rule_cycles": ("litert_a53", "cycles", "a53rule"),
        "litert_cortex-a72_cycles": ("litert_a72", "cycles", "cortex-a72"),
        "litert_neoverse-n1_cycles": ("litert_a76", "cycles", "neoverse-n1"),
        "litert_float_neoverse-n1_cycles": ("litert_a76_float", "cycles", "neoverse-n1"),
    }
    rows = []
    for result in results:
        rows_columns_batch = result.subject.sizes
        weights = rows_columns_batch[0] * rows_columns_batch[1]
        output = "int8" if result.subject.kind == "int8" else "int32"
        row = {"output": output} | _row(result, result.subject.macs)
        for name, count in result.dram.items():
            row[f"dram_{name}_in_weights [modelled]"] = f"{count / weights:.4f}"
        for name, key in rivals.items():
            row[f"{name} [recorded]"] = recorded.get((*key, rows_columns_batch[2]), "")
        rows.append(row)
    return rows


def gru_rows(
    results: Sequence[Measurement], recorded: Mapping[Key, float]
) -> list[dict[str, object]]:
    """One row a variant; numbers are for each step of the sequence."""
    rows = []
    for result in results:
        row = _row(result, result.subject.sizes[2], digits=0)
        for name, count in result.dram.items():
            row[f"dram_{name}_bytes [modelled]"] = round(count / result.subject.sizes[2])
        for processor in ("a53", "a76"):
            key = (f"litert_{processor}", "gru_step_instructions", "counted", 1)
            row[f"litert_{processor}_instructions [recorded]"] = round(recorded[key])
        key = ("litert", "gru_step_dram_bytes", "cache", 1)
        row["litert_dram_bytes [recorded]"] = round(recorded[key])
        rows.append(row)
    return rows


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
    """A table under comment lines, whole or not at all."""
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
