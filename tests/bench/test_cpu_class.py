"""Which class of processors a figure is of, and tables that hold one class only."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tfpipeline.bench.machine import Machine, describe_machine

BENCH = Path(__file__).resolve().parents[2] / "custom_ops" / "bench"


@pytest.fixture()
def measuring(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(BENCH)
    monkeypatch.delitem(sys.modules, "measuring", raising=False)
    yield importlib.import_module("measuring")
    sys.modules.pop("measuring", None)


@pytest.mark.parametrize(
    ("architecture", "flags", "expected"),
    [
        ("x86_64", "sse4_1", "x86_64"),
        ("x86_64", "sse4_1 avx avx2 fma", "avx2"),
        ("x86_64", "avx2 avx512f avx512bw", "avx2"),
        ("x86_64", "avx2 avx_vnni", "avx-vnni"),
        ("x86_64", "avx2 avx512f avx512bw avx512_vnni", "avx512-vnni"),
        ("x86_64", "avx2 avx512f avx512_vnni avx_vnni", "avx512-vnni+avx-vnni"),
        ("x86_64", "avx2 avx512_vnni avx_vnni amx_int8", "avx512-vnni+avx-vnni+amx"),
        ("armv7l", "neon", "neon"),
        ("aarch64", "asimd", "neon"),
        ("aarch64", "asimd asimddp", "neon-dotprod"),
        ("aarch64", "asimd asimddp i8mm sve", "neon-i8mm"),
        ("arm64", "", "neon"),
        ("riscv64", "", "riscv64"),
    ],
)
def test_a_class_follows_from_the_flags(architecture: str, flags: str, expected: str) -> None:
    machine = Machine("a processor", architecture, tuple(flags.split()), 1, "a system", "3")
    assert machine.cpu_class == machine.to_dict()["cpu_class"] == expected


def test_every_row_names_its_class(measuring: ModuleType, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    measuring.write_csv(table, [{"us": 1.0}, {"us": 2.0}], ["a note"])
    assert measuring.classes_of(table) == {describe_machine().cpu_class}
    assert table.read_text(encoding="utf-8").splitlines()[:2] == ["# a note", "us,cpu_class"]


def test_classes_are_never_mixed_in_a_table_or_a_plot(
    measuring: ModuleType, tmp_path: Path
) -> None:
    rows = [{"us": 1.0}, {"us": 2.0, "cpu_class": "of another"}]
    with pytest.raises(ValueError, match="one CPU class, received .*of another"):
        measuring.write_csv(tmp_path / "a.csv", rows, [])
    assert not list(tmp_path.iterdir())
    drawn: list[object] = []
    with pytest.raises(ValueError, match="one CPU class"):
        measuring.plot_if_possible(lambda *given: drawn.append(given), tmp_path / "a.png", rows)
    assert not drawn


def test_a_folder_with_tables_of_another_class_is_refused_before_anything_is_measured(
    measuring: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "results"
    measuring.prepare_folder(folder)
    assert f"CPU class: {describe_machine().cpu_class} (kernels " in capsys.readouterr().err
    # Tables without the column, such as those of the studies, say nothing about it.
    (folder / "study.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    measuring.write_csv(folder / "mine.csv", [{"us": 1.0}], [])
    measuring.prepare_folder(folder)
    (folder / "other.csv").write_text("# a note\nus,cpu_class\n1,amx\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"other\.csv has figures of amx .* pass --out"):
        measuring.prepare_folder(folder)
