"""`make bench`: missing peers are named rows, and measurements outlive a missing Matplotlib."""

from __future__ import annotations

import csv
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.slow

BENCH = Path(__file__).resolve().parents[2] / "custom_ops" / "bench"
_MODULES = ("measuring", "recurrent_plot", "layers", "gemmlowp", "recurrent", "fully_connected")


@pytest.fixture()
def benches(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The scripts, which import each other by name as scripts of one folder do."""
    monkeypatch.syspath_prepend(BENCH)
    for name in _MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield {name: importlib.import_module(name) for name in ("recurrent", "fully_connected")}
    for name in _MODULES:
        sys.modules.pop(name, None)


def _by_name(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["contender"]: row for row in rows}


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


def test_measurements_outlive_a_missing_matplotlib(
    benches: dict[str, ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    # No converter is as quick as that: every peer is missing, and none is waited for.
    options = ["--frames", "1", "--rounds", "1", "--repeats", "1", "--threads", "1"]
    options += ["--converter-seconds", "0.001", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["recurrent.py", *options])
    benches["recurrent"].main()
    said = capsys.readouterr().err
    assert "no plot recurrent_x86.png: This needs matplotlib" in said
    assert "Traceback" not in said
    with (tmp_path / "recurrent_x86.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    # Three stacks, plain and factored: each with ours, and with every peer by its name.
    assert len({row["layers"] for row in rows}) == 6
    ours = [row for row in rows if row["contender"] == "ours"]
    assert len(ours) == 6 and all(float(row["us"]) > 0 for row in ours)
    peers = [row for row in rows if row["contender"] != "ours"]
    assert len(peers) == 9 and all("no model after" in row["note"] for row in peers)
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
