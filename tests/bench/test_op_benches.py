"""`make bench`: missing peers are named rows, and measurements outlive a missing Matplotlib."""

from __future__ import annotations

import csv
import importlib
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from separate_environment import PYMICRO_WAKEWORD

pytestmark = pytest.mark.slow

BENCH = Path(__file__).resolve().parents[2] / "custom_ops" / "bench"
_SCRIPTS = (
    *("recurrent", "fully_connected", "fully_connected_grid", "one_step", "read_limit"),
    *("block_sparse", "c_calls", "embedding", "builtin_lstm", "accelerate_scan"),
)
_MODULES = (
    *_SCRIPTS,
    "measuring",
    "recurrent_layers",
    "recurrent_plot",
    "recurrent_weights",
    "rivals",
    *(f"rivals.{name}" for name in ("rival", "onnx_model", "onnxruntime_layers")),
    *(f"rivals.{name}" for name in ("ncnn_layers", "openvino_layers")),
    "layers",
    "gemmlowp",
    "one_step_models",
    "one_step_plot",
    "embedding_models",
    "builtin_lstm_models",
)


@pytest.fixture()
def benches(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The scripts, which import each other by name as scripts of one folder do."""
    monkeypatch.syspath_prepend(BENCH)
    for name in _MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield {name: importlib.import_module(name) for name in _SCRIPTS}
    for name in _MODULES:
        sys.modules.pop(name, None)


def _by_name(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["contender"]: row for row in rows}


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def test_ours_has_no_ratio_where_a_peer_is_missing(benches: dict[str, ModuleType]) -> None:
    recurrent = benches["recurrent"]
    preset = recurrent.Preset("gru", (16,), 8, 4, 0.0)
    ours = preset.model()
    # Without our plug-in the interpreter refuses the model of a peer that has our op.
    models = {"stock a": "the converter failed: no reason", "stock b": ours, "ours": ours}
    rows = _by_name(recurrent.time_preset(models, preset, 1, "auto", 2, 2))
    assert list(rows) == ["stock a", "stock b", "ours"]
    assert rows["stock a"]["note"] == "the converter failed: no reason"
    assert "tfpipeline.gru" in rows["stock b"]["note"]
    assert rows["stock a"]["us"] == rows["stock b"]["us"] == ""
    assert float(rows["ours"]["us"]) > 0
    assert rows["ours"]["times_faster"] == rows["ours"]["compared_with"] == ""
    assert "stock a" in rows["ours"]["note"] and "stock b" in rows["ours"]["note"]


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="a library for x86-64 Linux"
)
def test_steps_are_called_from_c(benches: dict[str, ModuleType], tmp_path: Path) -> None:
    c_calls = benches["c_calls"]
    python = Path(PYMICRO_WAKEWORD.executable())
    (runtime,) = python.parents[1].glob(f"lib/*/site-packages/{c_calls._IN_WHEEL}")
    plain, ours = tmp_path / "plain.tflite", tmp_path / "ours.tflite"
    plain.write_bytes(benches["fully_connected"].Layer(32, 16, 1, True, 8).model(False))
    ours.write_bytes(benches["recurrent"].Preset("gru", (16,), 8, 4, 0.0).model())
    contenders = [
        c_calls.Contender("GRU 16", c_calls.STOCK, plain),
        c_calls.Contender("GRU 16", "fused, chains=0", ours, plugin=True, chains=False),
        c_calls.Contender("GRU 16", "fused", ours, plugin=True),
    ]
    taken = c_calls.timed(c_calls.compiled(tmp_path), runtime, contenders, 20, 2)
    assert all(len(times) == 20 and min(times) > 0 for times in taken.values())
    stock, _, fused = c_calls.rows_of(taken)
    assert stock["times_faster_than_stock_GRU_16"] == "1.00"
    ratio = float(stock["median_us"]) / float(fused["median_us"])
    assert float(fused["times_faster_than_stock_GRU_16"]) == pytest.approx(
        ratio, abs=0.02, rel=0.02
    )


def test_a_product_without_its_peer_has_no_ratio(benches: dict[str, ModuleType]) -> None:
    fully_connected = benches["fully_connected"]

    class NoKernel(fully_connected.Layer):  # type: ignore[name-defined, misc]
        def model(self, custom: bool) -> bytes:
            # Our op where the runtime's is asked for: an op that the peer has no kernel for.
            return bytes(super().model(True))

    group = fully_connected.contenders(32, 16, 1)
    group[0] = fully_connected.Contender(group[0].name, NoKernel(32, 16, 1, False, 8), False, None)
    rows = _by_name(
        fully_connected.time_contenders(group, 1, "auto", 2, 2, False, "no headers here")
    )
    assert len(rows) == len(group) + 1
    assert "tfpipeline" in rows["XNNPACK int8"]["note"] and not rows["XNNPACK int8"]["us"]
    assert rows["gemmlowp uint8"]["note"] == "no headers here"
    for name in ("ours int8", "ours uint8"):
        assert rows[name]["us"] and not rows[name]["times_faster"]
        assert "was not measured" in rows[name]["note"]
    # Its own peer is there.
    assert float(rows["ours int4"]["times_faster"]) > 0 and not rows["ours int4"]["note"]


def test_a_shape_stands_beside_what_reading_takes(
    benches: dict[str, ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fully_connected = benches["fully_connected"]
    # The layer of the first table is the one that is also read from memory: a small part of it.
    monkeypatch.setattr(fully_connected, "OUT_OF_CACHE_BYTES", 4096)
    options = ["--shapes", "48x32", "--shapes-only", "--rows", "32", "--depth", "64"]
    options += ["--rounds", "2", "--repeats", "2", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["fully_connected.py", *options])
    fully_connected.main()
    rows = _table(tmp_path / "fully_connected_shapes_x86.csv")
    names = {c.name for c in fully_connected.contenders(48, 32, 1)} - {"ours uint8"}
    assert {(row["layer"], row["weights"], row["contender"]) for row in rows} == {
        (layer, weights, name)
        for layer, weights in (("48x32", "in cache"), ("32x64", "out of cache"))
        for name in names
    }
    for row in rows:
        if not row["note"]:
            assert float(row["median_gb_s"]) > 0 and float(row["read_gb_s"]) > 0
            assert bool(row["median_times_faster"]) == bool(row["compared_with"])
    assert any(row["median_times_faster"] for row in rows)
    assert "48x32 (in cache), ours int8: " in capsys.readouterr().err


def test_the_grid_names_the_lowest_ratios_to_xnnpack(
    benches: dict[str, ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    grid = benches["fully_connected_grid"]
    options = ["--rows", "48", "32", "--depths", "64", "--rounds", "2", "--repeats", "2"]
    monkeypatch.setattr(sys, "argv", ["grid.py", *options, "--out", str(tmp_path)])
    grid.main()
    rows = _table(tmp_path / "fully_connected_grid_x86.csv")
    kinds = ("int8", "float, int8 weights", "float, int4 weights")
    assert [(row["layer"], row["contender"]) for row in rows] == [
        (layer, f"{whose} {kind}")
        for layer in ("48x64", "32x64")
        for kind in kinds
        for whose in ("XNNPACK", "ours")
    ]
    for row in rows:
        assert row["note"] or float(row["read_gb_s"]) > 0 and float(row["median_us"]) > 0
        assert row["compared_with"] in ("", row["contender"].replace("ours", "XNNPACK"))
    said = capsys.readouterr()
    ratios = {row["layer"]: row["times_faster"] for row in rows if row["contender"] == "ours int8"}
    layer = min(ratios, key=lambda name: float(ratios[name]))
    assert f"ours int8, lowest of 2 layers: best {ratios[layer]} at {layer}, median " in said.out
    assert f"{ratios[layer]} (" in said.err
    assert "times as fast as XNNPACK int8" in said.err
    # The whole range that matters is the default.
    assert {min(grid.ROWS), max(grid.ROWS)} == {256, 6144}
    assert {min(grid.DEPTHS), max(grid.DEPTHS)} == {64, 1024}


@pytest.mark.parametrize("compiler", [True, False])
def test_reading_has_a_limit_with_and_without_a_compiler(
    benches: dict[str, ModuleType],
    compiler: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reading = benches["read_limit"]
    if not compiler:
        monkeypatch.setattr(reading.shutil, "which", lambda name: None)
    # Less than a step of the loop, whole steps, and a rest.
    limits = [reading.read_limit(size, seconds=0.001) for size in (100, 4096, 70000)]
    assert all(limit.best >= limit.median > 0 for limit in limits)
    assert capsys.readouterr().err.count("there is no C compiler") == (not compiler)


def test_one_step_against_a_missing_portable_file(benches: dict[str, ModuleType]) -> None:
    one_step = benches["one_step"]
    product = one_step.layers_of(["gru"], 8)[0].product()
    models = {
        one_step.PORTABLE: ("the exporter refused it", 0.4),
        # Without our plug-in the interpreter refuses our op.
        one_step.XNNPACK: (product.model(custom=True), 0.4),
        "fused int8": (product.model(custom=True), 0.4),
    }
    rows = _by_name(one_step.time_layer("GRU 8", models, "auto", 2, 2))
    assert list(rows) == list(models)
    assert rows[one_step.PORTABLE]["note"] == "the exporter refused it"
    assert "tfpipeline" in rows[one_step.XNNPACK]["note"]
    assert not rows[one_step.PORTABLE]["us"] and not rows[one_step.XNNPACK]["us"]
    ours = rows["fused int8"]
    assert float(ours["us"]) > 0 and float(ours["median_us"]) > 0
    assert ours["times_faster"] == ours["median_times_faster"] == ours["median_of_product"] == ""
    assert "portable int8 was not measured" in ours["note"]


def test_one_step_exports_and_times_every_contender(
    benches: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_step = benches["one_step"]
    models = tmp_path / "models"
    options = ["--units", "8", "--cells", "gru", "--bits", "8", "2", "--rounds", "2"]
    options += ["--repeats", "2", "--models", str(models), "--out", str(tmp_path)]
    options += ["--from-memory", "8"]
    # Some copies are enough to see that they take turns.
    monkeypatch.setattr(one_step, "OUT_OF_CACHE_BYTES", 1000)
    monkeypatch.setattr(sys, "argv", ["one_step.py", *options])
    one_step.main()
    rows = _table(tmp_path / "one_step_x86.csv")
    fused = [f"fused int{bits}{rank}" for rank in ("", ", rank 2") for bits in (8, 2)]
    peers = [one_step.PORTABLE, one_step.XNNPACK, one_step.XNNPACK_INT2]
    wanted = [*peers, one_step.XNNPACK_INT2_FLOAT, *fused]
    assert [(row["weights"], row["contender"]) for row in rows] == [
        (weights, name) for weights in ("in cache", "out of cache") for name in wanted
    ]
    assert not any(row["note"] for row in rows)
    for figure in ("us", "median_us", "read_us", "median_read_us"):
        assert all(float(row[figure]) >= 0 for row in rows)
    compared = [row for row in rows if row["contender"] != one_step.PORTABLE]
    assert all(float(row["median_times_faster"]) > 0 for row in compared)
    # What has two bits is smaller: ternary weights stay in them, those of both factors too.
    for layer in one_step.layers_of(["gru"], 8):
        sizes = [layer.path(models, bits).stat().st_size for bits in (8, 2)]
        assert sizes[1] < sizes[0]
    heading = (tmp_path / "one_step_x86.csv").read_text(encoding="utf-8")
    assert "# CPU class: " in heading and "# machine: " in heading
    # A second run finds them all.
    assert one_step.export_layers(one_step.layers_of(["gru"], 8), [8, 2], models) == {}


def test_measurements_outlive_a_missing_matplotlib(
    benches: dict[str, ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    recurrent = benches["recurrent"]
    missing = recurrent.Problem("not installed here")
    monkeypatch.setattr(recurrent, "start_safely", lambda rival, preset, threads: missing)
    # No converter is as quick as that: every peer is missing, and none is waited for.
    options = ["--frames", "1", "--rounds", "1", "--repeats", "1", "--threads", "1"]
    options += ["--converter-seconds", "0.001", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["recurrent.py", *options])
    recurrent.main()
    said = capsys.readouterr().err
    assert "no plot recurrent_x86.png: This needs matplotlib" in said
    assert "Traceback" not in said
    rows = _table(tmp_path / "recurrent_x86.csv")
    # Three stacks, plain and factored: each with ours, and with every peer by its name.
    assert len({row["layers"] for row in rows}) == 6
    ours = [row for row in rows if row["contender"].startswith("ours")]
    # Plain ones with weights of three widths.
    assert len(ours) == 3 * (3 + 1) and all(float(row["us"]) > 0 for row in ours)
    stock = [row for row in rows if row["contender"].startswith("stock")]
    assert len(stock) == 9 and all("no model after" in row["note"] for row in stock)
    others = [row for row in rows if row not in ours and row not in stock]
    assert len(others) == 3 * 6 and all(row["note"].startswith("not installed") for row in others)
    assert len({row["cpu_class"] for row in rows}) == 1 and rows[0]["cpu_class"]
    assert not any(row["times_faster"] for row in rows)


def test_the_plot_leaves_out_rows_without_figures(
    benches: dict[str, ModuleType], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    recurrent = benches["recurrent"]
    preset = recurrent.Preset("gru", (16,), 8, 4, 0.0)
    models = {"stock": "no model after 1 s", "ours": preset.model()}
    rows = recurrent.time_preset(models, preset, 1, "auto", 1, 1)
    recurrent.plot(tmp_path / "plot.png", rows, 1e9, "a note")
    assert (tmp_path / "plot.png").stat().st_size > 0


def test_blocks_of_zeros_are_timed_against_the_same_layers_with_them(
    benches: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = benches["block_sparse"]
    options = ["--sparsity", "0.5", "0.7", "--shapes", "48x32", "--cells", "gru", "--units", "20"]
    options += ["--rounds", "2", "--repeats", "2", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["block_sparse.py", *options])
    bench.main()
    rows = _table(tmp_path / "block_sparse_x86.csv")
    sparse = [f"ours, {share} % of blocks left out" for share in (50, 70)]
    assert [(row["layer"], row["contender"]) for row in rows] == [
        *(("48x32", name) for name in ("XNNPACK", bench.DENSE, *sparse)),
        *(("GRU 20", name) for name in (bench.DENSE, *sparse)),
    ]
    for row in rows:
        assert float(row["times_faster"]) > 0 and float(row["median_times_faster"]) > 0
        assert row["times_faster"] == "1.00" or row["contender"] != bench.DENSE
    # The share that is said is the share that is left out.
    kept = [bench.Layer(96, 64, 1, False, 8, zeros).model(True) for zeros in (0.25, 0.75)]
    assert 0.5 < (len(kept[0]) - len(kept[1])) / (96 * 64) < 0.56


def test_tables_of_embeddings_are_grown_and_timed(
    benches: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedding = benches["embedding"]
    monkeypatch.setattr(embedding, "KINDS", embedding.KINDS[:2])
    options = ["--first", "dense", "--words", "3", "--vocabularies", "700", "--width", "20"]
    options += ["--rank", "11", "--units", "8", "--rounds", "2", "--repeats", "2"]
    monkeypatch.setattr(sys, "argv", ["embedding.py", *options, "--out", str(tmp_path)])
    embedding.main()
    stock, ours = _table(tmp_path / "embedding_x86.csv")
    assert int(stock["embedding_bytes"]) == 700 * 20 * 4
    # Eleven numbers of 4 bits, a scale, and a matrix of 20 rows.
    assert int(ours["embedding_bytes"]) == 700 * (6 + 4) + 20 * 6
    assert float(stock["times_faster"]) == 1.0 and float(ours["median_us"]) > 0
    assert float(ours["load_ms"]) > 0


def test_a_builtin_lstm_has_a_ratio_where_bits_are_equal(
    benches: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = benches["builtin_lstm"]
    models = {"small": bench.Stack(2, 9, 5, 3).model()}
    stock, ours = bench.time_models(models, "auto", 5, 2)
    assert (stock["contender"], ours["contender"]) == ("stock", "accelerate_builtin")
    assert not stock["times_faster"] and not ours["note"]
    # On a busy machine this is no more than a sign that the plug-in ran it at all.
    assert float(ours["times_faster"]) > 1.5
    results = iter([[bench.np.zeros(3)], [bench.np.ones(3)]])
    monkeypatch.setattr(bench, "outputs", lambda it: next(results))
    _, ours = bench.time_models(models, "auto", 2, 1)
    assert ours["note"] == "no ratio: outputs differ" and not ours["times_faster"]


def test_a_scan_of_stock_layers_counts_what_is_claimed_and_slower(
    benches: dict[str, ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    scan = benches["accelerate_scan"]
    options = ["--rows", "64", "--depths", "16", "512", "--batches", "2", "--rounds", "2"]
    options += ["--repeats", "2", "--accelerate", "all", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["accelerate_scan.py", *options])
    scan.main()
    rows = _table(tmp_path / "accelerate_scan_x86.csv")
    assert [row["kind"] for row in rows] == [kind for kind in scan.KINDS for _ in range(2)]
    assert all(float(row["ours_us"]) > 0 and float(row["times_faster"]) > 0 for row in rows)
    # Integers have the runtime's bits.
    assert not any(row["note"] for row in rows if row["kind"] in ("int8", "uint8"))
    said = capsys.readouterr().out
    assert "int8: 2 of 2 shapes claimed" in said
    # What is not worth a node is left alone, and has no row.
    assert scan.time_layer(scan.layer_of("int8", 16, 16, 2), "true", "auto", 1, 1) == (
        None,
        "left to the runtime",
    )
    rows[0]["times_faster"] = "0.500"
    assert "1 of them more than 3% slower: 64x16 at batch 2 0.50" in scan.summary(rows)[0]
