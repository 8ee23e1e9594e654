"""The counts of `make bench-arm`: exact, the same twice, and the A53 rule on sequences by hand."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import machines
import pytest
from arm import ArmBenchError, Measurement, Subject, Tools, a53_cycles, measure
from arm.disassembly import CLASSES, class_of, disassemble, normal
from arm.mca import replayable
from arm.plot import plot_gemm
from arm.results import (
    BATCHES,
    check_goals,
    gemm_rows,
    read_recorded,
    recurrent_rows,
    sparse_rows,
    ternary_rows,
    values_of,
    write_csv,
)
from arm.tools import find_mca
from arm_kernels import check_same_results, main

from tfpipeline.numerics.cells import CELLS

pytestmark = pytest.mark.slow

Count = Callable[[Subject], Measurement]

BENCH = machines.SOURCES / "bench" / "arm"
SMALL = Subject("gemm", "neondot", (64, 32, 2), processors=("neoverse-n1",))


@pytest.fixture(scope="module")
def tools() -> Tools:
    machines.emulator(machines.AARCH64)
    machines.gcc(machines.AARCH64)
    try:
        return Tools.find()
    except ArmBenchError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def count(tools: Tools, arm64_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Count:
    """A function that measures a subject."""
    folder = tmp_path_factory.mktemp("count")
    plugin = tools.build_plugin(machines.SOURCES, folder)
    guest = arm64_build / "guest"
    listing = disassemble(tools.objdump, guest)

    def run(subject: Subject) -> Measurement:
        return measure(subject, tools, plugin, guest, listing, folder)

    return run


@pytest.fixture(scope="module")
def modelled(tools: Tools) -> None:
    """For tests of cycles that llvm-mca's models of processors predict."""
    if tools.mca_missing:
        pytest.skip(tools.mca_missing)


def test_counts_are_exact_and_the_same_twice(count: Count) -> None:
    first, second = count(SMALL), count(SMALL)
    assert first == second
    # 64 rows in 4 lanes, 32 columns in 4 bytes, 2 vectors: each SDOT is 16 products.
    assert first.classes["mac"] == 64 * 32 * 2 // 16
    assert sum(first.classes.values()) == first.instructions
    # 4 blocks of 16 starts of 4 bytes and 16 x 32 weights, which are read once from DRAM.
    assert first.weights == 4 * (16 * 4 + 16 * 32)
    assert first.weights <= first.dram["loaded"] <= first.weights + 16 * 64
    # 64 x 2 sums of 4 bytes, and what the stack takes.
    assert 512 <= first.dram["allocated"] <= 512 + 4 * 64


@pytest.mark.usefixtures("modelled")
def test_cycles_are_modelled(count: Count) -> None:
    sums = count(SMALL)
    # The model has two pipes for them.
    assert sums.cycles["neoverse-n1"] >= sums.classes["mac"] / 2
    named = values_of(count(replace(SMALL, kind="float")))
    assert named["float_cycles", "neoverse-n1"] > 0
    assert ("cycles", "neoverse-n1") not in named, "it would count as a result in int8"


@pytest.mark.usefixtures("modelled")
def test_a_sample_of_a_recurrent_op_has_its_share_of_gates(
    count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = Subject("lstm", "neon", (32, 64, 6), processors=("cortex-a72",))
    whole = count(subject)
    assert whole.instructions < 28 * 4000, "it is replayed as it was"
    # Not all of the products any more, but all of the gates.
    monkeypatch.setattr(sys.modules["arm.measure"], "_WINDOWS_OF_STEPS", 4)
    sample = count(subject)
    assert sample.instructions == whole.instructions
    # Windows begin with an empty pipeline, and no product runs beside the gates of another.
    modelled, exact = (result.cycles["cortex-a72"] for result in (sample, whole))
    assert modelled != exact
    assert modelled == pytest.approx(exact, rel=0.03)


def test_the_region_is_what_lies_between_the_marks(
    tools: Tools,
    tmp_path: Path,
) -> None:
    source = tmp_path / "guest.c"
    # The marks lie in the midst of blocks; the loop's is longer the first time.
    source.write_text(
        "int main(void) { static long memory[8192]; long *at = memory; long n = 5;\n"
        '__asm__ volatile("mov x3, #0\\n hint #100\\n ldr x4, [%0]\\n mov x3, #1\\n"\n'
        '"1: add x3, x3, #1\\n subs %1, %1, #1\\n b.ne 1b\\n str x3, [%0, #64]\\n hint #101\\n"\n'
        '"mov x3, #2\\n" : "+r"(at), "+r"(n) : : "x3", "x4", "cc", "memory");\n'
        'extern int puts(const char *); puts("weights 0 checksum 0"); return 0; }\n'
    )
    guest = tmp_path / "guest"
    command = [tools.compiler, "-O2", "-static", str(source), "-o", str(guest)]
    subprocess.run(command, check=True, capture_output=True)
    plugin = tools.build_plugin(machines.SOURCES, tmp_path)
    listing = disassemble(tools.objdump, guest)
    subject = Subject("gemm", "none", (1, 1, 1), processors=())
    result = measure(subject, tools, plugin, guest, listing, tmp_path)
    assert result.instructions == 2 + 3 * 5 + 1
    expected = dict.fromkeys(CLASSES, 0) | {"load": 1, "store": 1, "scalar": 16}
    assert result.classes == expected
    assert result.a53 == 1 + 17 / 2
    assert result.memory == {
        "loads": 1,
        "stores": 1,
        "lines_loaded": 1,
        "lines_allocated": 1,
        "lines_written": 0,
    }


def test_weights_that_fit_the_cache_are_not_read_again(count: Count) -> None:
    # Beside the weights: parameters of the gates, inputs, states.
    subject = Subject("gru", "neon", (16, 32, 8), processors=())
    whole = count(subject)
    assert whole.weights <= whole.dram["loaded"] < 2.5 * whole.weights
    assert count(replace(subject, sizes=(16, 32, 16))).dram["loaded"] < 1.5 * whole.dram["loaded"]


def test_results_in_int8_are_the_same_products(count: Count) -> None:
    sums, bytes_ = count(SMALL), count(replace(SMALL, kind="int8"))
    assert bytes_.instructions > sums.instructions
    assert bytes_.classes["mac"] >= sums.classes["mac"]
    check_same_results([bytes_, count(replace(SMALL, kind="int8", variant="c"))])


@pytest.mark.parametrize("variant", ["neon", "neondot"])
def test_sparse_weights_take_fewer_instructions(count: Count, variant: str) -> None:
    dense, sparse = (
        count(replace(SMALL, kind=kind, variant=variant, sizes=(64, 320, 1)))
        for kind in ("gemm", "sparse")
    )
    assert sparse.weights < 0.4 * dense.weights
    check_same_results([sparse, count(replace(sparse.subject, variant="c"))])
    (row,) = sparse_rows([sparse, dense])
    assert row["variant"] == variant and row["sizes"] == "64x320x1"
    ratio = float(str(row["times_fewer_instructions [counted]"]))
    assert ratio == round(dense.instructions / sparse.instructions, 2) > 1.3


@pytest.mark.parametrize(("kind", "bits"), [("int4", 4), ("int2", 2)])
def test_low_bits_are_counted_too(count: Count, kind: str, bits: int) -> None:
    subject = replace(SMALL, kind=kind, sizes=(64, 64, 2))
    results = [count(replace(subject, variant=name)) for name in ("c", "neon", "neondot")]
    check_same_results(results)
    assert {result.weights for result in results} == {4 * (16 * 4 + 16 * 64 * bits // 8)}
    assert results[1].classes["mac"] > results[2].classes["mac"] == 64 * 64 * 2 // 16


def test_floats_are_the_same_products_too(count: Count) -> None:
    results = [
        count(replace(SMALL, kind="float", variant=name)) for name in ("c", "neon", "neondot")
    ]
    check_same_results(results)
    assert results[2].instructions > count(SMALL).instructions


def test_every_recurrent_op_is_counted(count: Count, tmp_path: Path) -> None:
    subjects = [Subject(cell, "neondot", (16, 32, 4), processors=()) for cell in CELLS]
    results = [count(subject) for subject in subjects]
    # Rows in blocks of 16 that begin with 16 starts.
    bytes_a_gate = 2 * (2 * 16 * 4 + 16 * 16 + 16 * 32)
    wanted = [len(cell.gates) * bytes_a_gate for cell in CELLS.values()]
    assert [result.weights for result in results] == wanted
    recorded = read_recorded(BENCH / "recorded.csv")
    rows = {row["cell"]: row for row in recurrent_rows(results, recorded)}
    assert list(rows) == list(CELLS)
    assert rows["lstm"]["litert_a53_instructions [recorded]"] == 954000
    assert recurrent_rows(results, {})[0]["litert_a53_instructions [recorded]"] == ""


def test_ternary_layers_have_the_same_bits_in_any_width(count: Count) -> None:
    subject = Subject("lstm", "neondot", (16, 32, 1), processors=(), ternary_bits=8)
    results = [count(replace(subject, ternary_bits=bits)) for bits in (8, 4, 2)]
    check_same_results(results)
    # 4 gates of two blocks of 16 rows, each row with a start.
    sums = 4 * 2 * 2 * 16 * 4
    assert [result.weights - sums for result in results] == [
        4 * 32 * 48 * b // 8 for b in (8, 4, 2)
    ]
    rows = ternary_rows([*results, count(Subject("gru", "neondot", (16, 32, 1), processors=()))])
    assert [(row["cell"], row["bits"]) for row in rows] == [("lstm", bits) for bits in (8, 4, 2)]
    assert rows[0]["times_fewer_instructions_than_int8 [counted]"] == "1.00"


def test_a_streamed_step_is_not_taken_for_one_of_a_sequence(count: Count) -> None:
    sequence = count(Subject("gru", "neondot", (16, 32, 4), processors=()))
    step = count(replace(sequence.subject, sizes=(16, 32, 1)))
    # The weights of x serve four steps at once in a sequence.
    assert step.weights == sequence.weights
    assert step.instructions > sequence.instructions / 4
    assert values_of(step)["gru_streamed_step_instructions", "counted"] == step.instructions
    recorded = read_recorded(BENCH / "recorded.csv")
    rows = recurrent_rows([sequence, step], recorded)
    name = "litert_a53_instructions [recorded]"
    assert [row[name] for row in rows] == [728000, ""]
    goals = check_goals(BENCH / "goals.csv", [sequence, step], recorded)
    assert goals == check_goals(BENCH / "goals.csv", [sequence], recorded) != []


def test_variants_agree_and_a_stranger_is_named(count: Count) -> None:
    results = [count(replace(SMALL, variant=name)) for name in ("c", "neon", "neondot", "neoni8mm")]
    check_same_results(results)
    with pytest.raises(ArmBenchError, match="neoni8mm: another result"):
        check_same_results([*results[:3], replace(results[3], checksum="0")])


def test_a_wrong_guest_is_an_error(count: Count) -> None:
    with pytest.raises(ArmBenchError, match="no such variant"):
        count(replace(SMALL, variant="avx2"))


@pytest.mark.parametrize(
    ("counts", "cycles"),
    [
        ({"smull v0.8h, v1.8b, v2.8b": 4}, 4),  # one vector pipe
        ({"ldr q0, [x1]": 2}, 4),  # 128 bits take two cycles
        ({"ldr d0, [x1]": 2}, 2),
        ({"ldp q0, q1, [x1], #32": 1}, 4),
        ({"ld1 {v0.16b-v3.16b}, [x1], #64": 1}, 8),
        ({"ld1 {v30.8b, v31.8b}, [x1]": 1}, 2),
        ({"ld1 {v0.s}[1], [x1]": 1}, 1),  # a lane
        ({"ld1r {v0.4s}, [x1]": 1}, 1),
        ({"str q0, [x1]": 3}, 3),
        ({"add x0, x1, x2": 3}, 1.5),  # pairs of scalars
        # The load pattern for this processor: 16 bytes in one cycle beside two multiplications.
        (
            {"ldr d0, [x1]": 1, "ldr x2, [x1, #8]": 1, "mov v0.d[1], x2": 1}
            | {"sadalp v4.4s, v5.8h": 2},
            3,
        ),
        # Three scalars go along with two multiplications and one is left.
        ({"smlal2 v0.8h, v1.16b, v2.16b": 2, "ldp x0, x1, [x2]": 1, "b.ne 400abc": 1}, 2.5),
        ({"prfm pldl1strm, [x0, #1024]": 2, "mul v0.4s, v1.4s, v2.4s": 2}, 2),
    ],
)
def test_a53_rule(counts: dict[str, int], cycles: float) -> None:
    assert a53_cycles(counts) == cycles


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("sdot v0.4s, v1.16b, v2.4b[0]", "mac"),
        ("smmla v0.4s, v1.16b, v2.16b", "mac"),
        ("sadalp v0.4s, v1.8h", "mac"),
        ("smlal2 v0.8h, v1.16b, v2.16b", "mac"),
        ("addp v0.4s, v0.4s, v1.4s", "simd"),
        ("fmul v0.4s, v0.4s, v1.4s", "simd"),
        ("smull x0, w1, w2", "scalar"),
        ("bl 4b12", "scalar"),
        ("cbnz w0, b4", "scalar"),
        ("adrp x0, b4000", "scalar"),
        ("ldp x29, x30, [sp], #16", "load"),
        ("stp q0, q1, [x0]", "store"),
        ("prfm pldl1strm, [x0, #1024]", "prefetch"),
    ],
)
def test_classes(text: str, kind: str) -> None:
    assert class_of(text) == kind


def test_what_llvm_mca_gets() -> None:
    assert normal("b.ne\t4005c8 <main+0x10>  // b.any") == "b.ne 4005c8"
    assert replayable("b.ne 4005c8") == "b.ne .Lwindow"
    assert replayable("tbz w0, #3, 4005c8") == "tbz w0, #3, .Lwindow"
    assert replayable("bl 4005c8") == "b .Lwindow"
    assert replayable("br x3") == replayable("ret") == replayable("hint #100") == "nop"
    assert replayable("bic x0, x1, x2") == "bic x0, x1, x2"


def test_tables_and_goals(tmp_path: Path) -> None:
    results = [
        Measurement(
            subject=Subject("int8", "neondot", (6144, 320, batch)),
            instructions=batch * 196608,
            classes=dict.fromkeys(CLASSES, 0),
            a53=1.0,
            memory={"lines_loaded": 30720, "lines_allocated": 0, "lines_written": 0},
            weights=1990656,
            checksum="0",
            cycles={"neoverse-n1": batch * 6144 * 320 * 0.05},
        )
        for batch in BATCHES
    ]
    recorded = read_recorded(BENCH / "recorded.csv")
    goals = {
        (g.measure, g.rival, g.batch): g
        for g in check_goals(BENCH / "goals.csv", results, recorded)
    }
    assert goals["instructions", None, 1].met and goals["instructions", None, 2].met
    assert not goals["instructions", None, 3].met  # 0.1 is more than 0.095
    assert goals["dram", None, 1].reached == 1.0
    against = goals["cycles", "litert_a76", 1]
    assert against.reached == pytest.approx(0.042 / 0.05) and not against.met
    rows = gemm_rows(results, recorded)
    kinds = ("[counted]", "[rule]", "[modelled]", "[recorded]")
    assert all(name.endswith(kinds) for name in list(rows[0])[4:])
    write_csv(tmp_path / "a" / "b.csv", ["a note"], rows)
    assert (
        (tmp_path / "a" / "b.csv")
        .read_text()
        .startswith("# a note\nweight_bits,output,variant,sizes,")
    )
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["b.csv"]
    assert plot_gemm(results, recorded).count("<rect") > 10


def fake_mca(folder: Path, name: str, version: str) -> None:
    """A program that says of itself what llvm-mca says."""
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "Debian LLVM version {version}"\n')
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("installed", "found"),
    [
        ({"llvm-mca": "14.0.6"}, None),
        ({"llvm-mca-18": "18.1.8", "llvm-mca": "16.0.0"}, None),
        ({"llvm-mca": "14.0.6", "llvm-mca-19": "19.1.7"}, "llvm-mca-19"),
        ({"llvm-mca": "21.1.0", "llvm-mca-19": "19.1.7"}, "llvm-mca"),
        ({"llvm-mca-100": "100.0.0", "llvm-mca-19": "19.1.7"}, "llvm-mca-100"),
        ({"llvm-mca-20": "13.0.1"}, None),
        ({"llvm-mca-19.old": "19.1.7"}, None),
        ({}, None),
    ],
)
def test_the_newest_llvm_mca_that_is_new_enough(
    installed: dict[str, str], found: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, version in installed.items():
        fake_mca(tmp_path, name, version)
    monkeypatch.setenv("PATH", str(tmp_path))
    path, missing = find_mca()
    assert path == (None if found is None else str(tmp_path / found))
    if found is not None:
        assert missing is None
    else:
        assert missing is not None and missing.endswith(": apt-get install llvm-19")
        named = [name for name in installed if name != "llvm-mca-19.old"]
        newest = max(named, key=lambda name: float(installed[name][:2]), default=None)
        of = f"{tmp_path / newest} is version " if newest else "none was found"
        assert missing.startswith(f"llvm-mca 19 or later is missing ({of}")


def test_a_program_that_is_no_llvm_mca_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "llvm-mca").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "llvm-mca").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_mca()[0] is None


def test_what_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert main([]) == 1
    assert capsys.readouterr().err == "qemu-aarch64 is missing: apt-get install qemu-user.\n"
