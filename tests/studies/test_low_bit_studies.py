"""The studies of few bits: what they ask for and say, and one small model of each kind trained."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfpipeline.studies import load_study
from tfpipeline.studies.common.rows import Row, StudyError, StudyResult, read_csv
from tfpipeline.studies.common.run_pool import RunPool
from tfpipeline.studies.low_bit import published
from tfpipeline.studies.low_bit.runs import RunFiles, Training
from tfpipeline.studies.low_bit.same_codes import alike
from tfpipeline.studies.low_bit.settings import NORMALIZATIONS, QUANTIZERS, Settings
from tfpipeline.studies.low_bit.text import runs as text_runs
from tfpipeline.studies.low_bit.text import settings as text_settings
from tfpipeline.studies.low_bit.text.runs import TextModel

TINY = Settings(
    train=32,
    features=8,
    units=4,
    epochs=2,
    batch_size=16,
    watched=2,
    cells=("lstm", "fast_rnn"),
    seeds=(0, 1),
)
TINY_TEXT = text_settings.Settings(
    symbols=400, tested=100, units=6, lanes=4, steps=5, epochs=2, seeds=(0, 1)
)
STEPS = 8


def made_up(run: Training) -> Row:
    """A row of a run, with columns that real ones have: fixed scales fail without normalization."""
    fails = run.normalization is None and run.quantizer in ("BinaryConnect", "TerConnect")
    test = 0.2 if fails else 0.9
    if run.normalization == "batch_shared":
        test = 0.7 if run.order == "sequential" and run.border else 0.88
    growth = {"BinaryConnect": 1.4, "TerConnect": 1.2}.get(run.quantizer or "", 0.9)
    growth = growth if run.normalization is None else 0.95
    mismatch = {
        "shift": [3.0] * 2 + [1.0] * (STEPS - 3),
        "ratio": [0.5] * (STEPS - 1),
        "input_shift": [3.0] * STEPS,
        "input_ratio": [0.5] * STEPS,
        "own": 0.9,
    }
    return {
        "run": run.name,
        "setting": run.setting,
        **vars(run),
        **{"ledger": 1000, "curve": [test], "validation": test, "test": test + run.seed / 1000},
        **{"seconds": 1.0, "cpu_seconds": 1.0},
        **{f"growth_{when}": None if run.normalize_cell else growth for when in ("first", "last")},
        **{
            f"jacobians_{when}": None if run.normalize_cell else [growth] * (STEPS - 1) + [0.0]
            for when in ("first", "last")
        },
        **(mismatch if run.normalization == "batch_shared" else {}),
    }


def made_up_text(run: TextModel) -> Row:
    test = 2.0 if run.quantizer is None or run.normalization else 4.0
    more = {"ledger": 1000, "curve": [test], "seconds": 1.0, "cpu_seconds": 1.0}
    return {
        "run": run.name,
        **vars(run),
        "validation": test,
        "test": test - run.layers / 10,
        **more,
    }


def said_by(
    name: str, out: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, **given: Any
) -> tuple[StudyResult, list[Any], dict[str, Any]]:
    asked: list[Any] = []

    def rows(pool: RunPool, runs: Sequence[Any], label: str) -> list[Row]:
        asked.extend(runs)
        return [made_up(run) if isinstance(run, Training) else made_up_text(run) for run in runs]

    monkeypatch.setattr(RunPool, "rows", rows)
    study = load_study(name)
    result = study.run(out, settings=settings, command="study", backend="tensorflow", **given)
    table = read_csv(result.files[0])
    assert list(table[0]) == list(study.COLUMNS) and len(table) == len(result.rows) == len(asked)
    # No column that no row ever has.
    assert [column for column in study.COLUMNS if not any(row[column] for row in table)] == []
    assert len({run.name for run in asked}) == len(asked)
    about = json.loads(result.files[1].read_text())
    assert about["seeds"] == [0, 1]
    assert result.files[2].read_bytes().startswith(b"\x89PNG")
    held = {claim["claim"]: claim["holds"] for claim in about["claims"]}
    assert len(held) == len(about["claims"])
    return result, asked, held


@pytest.fixture(scope="module", autouse=True)
def digits() -> None:
    pytest.importorskip("sklearn")


def test_the_grid_has_every_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, asked, held = said_by("low-bit-grid", tmp_path, TINY, monkeypatch)
    pairs = {
        (run.order, run.quantizer, run.normalization) for run in asked if not run.normalize_cell
    }
    assert len(pairs) == len(NORMALIZATIONS) * (len(QUANTIZERS) + len(TINY.permuted))
    # Shared statistics fail here, and only in the order of the pixels.
    false = {text for text, holds in held.items() if not holds}
    assert {text.partition(" normalization")[0] for text in false} == {
        "with batch_shared",
        "shared batch statistics are 10 points or more behind those of each time step (permuted)",
    }


def test_why_shared_statistics_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, asked, held = said_by("shared-batch-norm", tmp_path, TINY, monkeypatch)
    # Those of the grid are not trained again.
    plain = dataclasses.replace(asked[0], gain=None)
    assert asked[0] == plain and {run.gain for run in asked} == {None, 1.0, "uniform"}
    gains = [text for text in held if text.startswith("gains")]
    assert len(gains) == 4 and not any(held[text] for text in gains)
    assert all(holds for text, holds in held.items() if text not in gains)
    steps = read_csv(result.files[3])
    assert len(steps) == 2 * 5 * STEPS and steps[1]["shift"] == "3" and not steps[0]["shift"]


def test_gradients_before_and_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, _, held = said_by("gradient-norms", tmp_path, TINY, monkeypatch)
    # Made up are gradients that explode with ternary weights, and so does FastRNN's.
    first = [holds for text, holds in held.items() if "before training, without" in text]
    assert first == [True] * len(TINY.cells)
    residual = [holds for text, holds in held.items() if text.startswith("the weighted residual")]
    assert residual == [False]
    steps = read_csv(result.files[3])
    assert len(steps) == len(TINY.cells) * 3 * 2 * STEPS


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Letters of which every second one follows from the one before it."""
    folder = tmp_path / "text"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, letters in (("train", 300), ("valid", 60), ("test", 60)):
        (folder / f"{name}.txt").write_text(
            "".join("aAbBcC"[2 * n :][:2] for n in rng.integers(0, 3, letters))
        )
    return folder


def test_character_models(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    result, asked, held = said_by("low-bit-text", out, TINY_TEXT, monkeypatch, data=text)
    assert all(held.values())
    models = {row["model"] for row in result.rows}
    assert models == {"lstm", "gru", "2 x lstm"}
    assert len(asked) == 2 * (5 * 4 + 5 * 2 + 2)
    # Beside each seed of an LSTM that the paper has too.
    others = [row for row in result.rows if "published_ptb" in row]
    assert len(others) == 2 * 3 * 4 and {row["model"] for row in others} == {"lstm"}
    plain = {row["published_ptb"] for row in others if row["normalization"] == "none"}
    assert plain == {1.45, 2.51, 5.84}
    with pytest.raises(StudyError, match="holds the corpus"):
        load_study("low-bit-text").run(out, settings=TINY_TEXT, command="", backend="tensorflow")


#: The poster of Hou et al.: bits per character of War and Peace, PTB and text8, then kilobytes.
POSTER = {
    "none": "1.72/1.45/1.46 4800/4504/63375, 1.73/1.45/1.48, 1.69/1.43/1.45, 1.72/1.45/1.46, "
    "1.72/1.45/1.46",
    "BinaryConnect": "4.24/2.51/None 158/149/2011, 1.74/1.50/1.50 174/165/2073, "
    "1.69/1.49/1.47 190/181/2136, 1.72/1.51/1.47 222/213/2261, 1.72/1.50/1.48 3390/3381/24636",
    "TerConnect": "6.35/5.84/None 308/289/3990, 1.72/1.42/1.42 324/305/4053, "
    "1.67/1.43/1.44 340/321/4115, 1.70/1.44/1.44 372/353/4240, 1.71/1.45/1.44 3540/3521/26615",
    "SBN": "1.78/1.60/1.54 3794/3785/27464",
    "STN": "1.72/1.60/1.51 3944/3521/15303",
}


def test_published_rows_are_those_of_the_papers() -> None:
    columns = ("war_and_peace", "ptb", "text8")
    lstm = {
        (row["quantizer"], row["normalization"]): row
        for row in published.TEXTS
        if row["model"] == "LSTM"
    }
    assert len(lstm) == 17 and len(published.TEXTS) == 17 + 3
    for quantizer, cells in POSTER.items():
        kinds = ["batch_separate"] if quantizer in ("SBN", "STN") else list(NORMALIZATIONS)
        for kind, cell in zip(kinds, cells.split(", "), strict=True):
            row = lstm[quantizer, kind or "none"]
            bits, _, kilobytes = cell.partition(" ")
            assert [str(row[name]) for name in columns] == [
                one if one == "None" else str(float(one)) for one in bits.split("/")
            ]
            expected = kilobytes.split("/") if kilobytes else ["None"] * 3
            assert [str(row[f"kilobytes_{name}"]) for name in columns] == expected
    best = {row["model"]: row for row in published.TEXTS if row["model"] != "LSTM"}
    assert best["AWD-LSTM, 3 layers"]["ptb"] == 1.175
    assert best["Transformer, 64 layers"]["text8"] == 1.13
    assert best["Transformer-XL"]["text8"] == 1.08
    pixels = {row["model"]: (row["accuracy"], row["kilobytes"]) for row in published.PIXELS}
    assert pixels == {
        **{"RNN": (94.1, 71), "FastRNN": (96.44, 166), "SpectralRNN": (97.7, 25)},
        **{"EURNN": (95.38, 64), "oRNN": (97.2, 49), "FactoredRNN": (94.6, 125)},
        **{"UGRNN": (97.29, 84), "GRU": (98.7, 123), "LSTM": (97.8, 265)},
        **{"FastGRNN": (98.72, 71), "FastGRNN, LSQ": (98.2, 6)},
    }


def test_published_rows_are_complete() -> None:
    for row in published.PIXELS:
        assert tuple(row) == published.PIXEL_COLUMNS and row["source"]
    for row in published.TEXTS:
        assert tuple(row) == published.TEXT_COLUMNS and row["source"]
    names = {row["quantizer"] for row in published.TEXTS} - {"none"}
    assert names <= {*QUANTIZERS}


def test_means_differ_by_more_than_seeds_do() -> None:
    assert alike([0.9, 0.8], [0.82, 0.83], 0.0) and alike([0.9], [0.905], 0.01)
    assert not alike([0.9, 0.89], [0.8, 0.79], 0.01)


def test_a_name_says_all_that_differs() -> None:
    plain = Training(0, None, None)
    others: dict[str, Any] = {
        **{"seed": 1, "quantizer": "TWN", "normalization": "layer", "cell": "gru"},
        **{"order": "permuted", "border": False, "gain": 1.0, "normalize_cell": True},
    }
    assert set(others) == {field.name for field in dataclasses.fields(Training)}
    changed = [dataclasses.replace(plain, **{name: value}).name for name, value in others.items()]
    changed.append(dataclasses.replace(plain, gain="uniform").name)
    assert len({plain.name, *changed}) == 2 + len(others)
    model = TextModel(0, None, None)
    kinds: dict[str, Any] = {
        **{"seed": 1, "quantizer": "TWN", "normalization": "layer", "cell": "gru", "layers": 2}
    }
    assert set(kinds) == {field.name for field in dataclasses.fields(TextModel)}
    changed = [dataclasses.replace(model, **{name: value}).name for name, value in kinds.items()]
    assert len({model.name, *changed}) == 1 + len(kinds)


@pytest.mark.slow
def test_a_model_of_pixels_is_trained_and_measured(tmp_path: Path) -> None:
    import tfpipeline as tp
    from tfpipeline.studies.low_bit.data import prepare_pixels, read_pixels
    from tfpipeline.studies.low_bit.training import train_run

    assert {*QUANTIZERS} == {None, *tp.quantizers.QUANTIZERS}
    assert {*NORMALIZATIONS} == {None, *tp.normalizations.NORMALIZATIONS}
    files = RunFiles(tmp_path, TINY)
    prepare_pixels(files, None)
    run = Training(0, "SBN", "batch_shared", order="permuted", border=False, gain="uniform")
    with pytest.raises(ValueError, match="divide the 36 pixels"):
        train_run(run, files)
    row = train_run(dataclasses.replace(run, border=True), files)
    assert json.loads(json.dumps(row)) == row
    assert set(made_up(run)) <= {*row, "run", "setting"}
    assert len(row["jacobians_last"]) == len(row["input_shift"]) == STEPS == len(row["shift"]) + 1
    assert 0 <= row["own"] <= 1 and row["growth_first"] > 0 and len(row["curve"]) == TINY.epochs
    # 4 d (r + d) bits, 4 d biases, and 8 d of gain, offset, mean and variance each.
    assert row["ledger"] == 4 * 4 * (8 + 4) // 8 + 4 * (4 * 4 + 4 * 8 * 4)
    pixels, permuted = (read_pixels(files, o, True).test.x for o in ("sequential", "permuted"))
    assert not np.array_equal(pixels, permuted)
    assert np.array_equal(np.sort(pixels.reshape(360, -1)), np.sort(permuted.reshape(360, -1)))


@pytest.mark.slow
def test_a_character_model_learns(text: Path, tmp_path: Path) -> None:
    from tfpipeline.studies.low_bit.text.data import prepare_text
    from tfpipeline.studies.low_bit.text.training import train_run

    settings = dataclasses.replace(TINY_TEXT, symbols=None, epochs=6, rate=0.05, units=12)
    files = text_runs.RunFiles(tmp_path / "out", settings)
    files.folder.mkdir()
    prepare_text(files, text)
    run = TextModel(0, "LAT", "weight", layers=2)
    row = train_run(run, files)
    assert json.loads(json.dumps(row)) == row
    assert set(made_up_text(run)) <= {*row, "run"}
    # Every second letter is one of three, and the others are certain.
    assert math.log2(3) / 2 - 0.1 < row["test"] < math.log2(6)
    assert row["validation"] == pytest.approx(min(row["curve"]), rel=1e-3)
