"""The study of recognizers with few bits: what it asks for and says, and a tiny one trained."""

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
from tfpipeline.studies.common.rows import Row, StudyResult, read_csv
from tfpipeline.studies.common.run_pool import RunPool
from tfpipeline.studies.low_bit.speech.pool import Pool
from tfpipeline.studies.low_bit.speech.runs import Deployed, Recognizer, RunFiles
from tfpipeline.studies.low_bit.speech.settings import FULL, PAIRS, QUICK, Settings

BANDS = 40
TINY = Settings(
    train=32,
    validation=8,
    test=8,
    max_seconds=2.0,
    units=(8, 8, 8),
    dense=8,
    filters=(2, 2),
    batch_size=8,
    epochs=2,
    rates=(1e-4, 1e-3, 1e-2, 1e-1),
    watched=1,
    pairs=PAIRS,
    seeds=(0, 1),
)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder that has its features: noise, of which a model can learn how long a text is."""
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for split in ("train", "validation", "test"):
        count = getattr(TINY, split)
        arrays[f"{split}_features"] = rng.normal(size=(count, 48, BANDS)).astype(np.float32)
        arrays[f"{split}_frames"] = np.full(count, 48)
        arrays[f"{split}_texts"] = np.asarray(["on", "off"] * (count // 2))
    np.savez(tmp_path / "corpus.npz", **arrays)
    (tmp_path / "corpus.source.txt").write_text("synthesized")
    return tmp_path


def made_up(run: Recognizer) -> Row:
    """A row: magnitude 1 fails without normalization, and one of ternary weights learns slowly."""
    fails = run.normalization is None and run.quantizer in ("BinaryConnect", "TerConnect")
    best = 1e-1 if (run.quantizer, run.normalization) == ("TWN", None) else 1e-2
    error = (0.8 if fails else 0.2) + 0.01 * abs(math.log10(run.rate / best))
    if run.normalization == "batch_shared" and run.quantizer == "BinaryConnect":
        error += 0.1
    return {
        **vars(run),
        **{"params": 1000, "ledger": 500, "curve": [error] * 2, "seconds": 1.0},
        **{"cpu_seconds": 1.0, "wer_test": error, "cer_train": error},
        # Errors on the test sentences are the other way round: they must decide nothing.
        **{"cer_validation": error, "cer_test": error + run.seed / 1000},
        **{"growth_first": [0.9, 1.2, 1.0], "growth_last": [0.9, 0.8, 0.95]},
    }


def made_up_file(run: Deployed) -> Row:
    few = run.mode == "w2a8"
    return {
        **{**vars(run.run), "mode": run.mode, "cer_keras": 0.2, "cer_file": 0.21 if few else 0.2},
        **{"bytes_portable": 9000, "bytes_fused": None if run.mode == "float32" else 8000},
    } | ({"bytes_fused": 3000} if few else {})


def said(
    out: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings = TINY
) -> tuple[StudyResult, list[Any]]:
    asked: list[Any] = []

    def rows(pool: RunPool, runs: Sequence[Any], label: str) -> list[Row]:
        asked.append(list(runs))
        return [
            {"run": run.name, "setting": run.setting}
            | (made_up_file(run) if isinstance(run, Deployed) else made_up(run))
            for run in runs
        ]

    monkeypatch.setattr(RunPool, "rows", rows)
    study = load_study("low-bit-speech")
    return study.run(out, settings=settings, command="study", backend="tensorflow"), asked


def test_claims_are_of_the_pairs_that_are_trained(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quick study leaves most pairs of full precision and of binary weights out."""
    settings = dataclasses.replace(TINY, pairs=QUICK.pairs)
    result, _ = said(corpus, monkeypatch, settings)
    claims = [claim["claim"] for claim in json.loads(result.files[1].read_text())["claims"]]
    kinds = [(q, k) for q, k in QUICK.pairs if q in ("BinaryConnect", "TerConnect") and k]
    assert len([claim for claim in claims if claim.startswith("with ")]) == len(kinds) == 4


def test_the_study_asks_for_every_pair_and_says_what_holds(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, (first, further, runs, files) = said(corpus, monkeypatch)
    study = load_study("low-bit-speech")
    pairs, seeds = len(TINY.pairs), len(TINY.seeds)
    # From the two rates in the middle further up, where the higher one was better; errors do not
    # fall at the next one, but for one pair.
    assert len(first) == 2 * pairs and {run.rate for run in first} == {1e-3, 1e-2}
    assert len(further) == 3 * pairs and {run.rate for run in further} == {1e-3, 1e-2, 1e-1}
    assert {run.seed for run in further} == {0}
    # The rate is chosen on validation sentences.
    assert len(runs) == seeds * pairs
    assert {run.rate for run in runs if run.quantizer != "TWN"} == {1e-2}
    assert [(one.run.quantizer, one.run.normalization, one.mode) for one in files[::seeds]] == [
        *TINY.deployed
    ]
    assert {one.run for one in files} <= {*runs}

    table, columns = read_csv(result.files[0]), list(study.COLUMNS)
    assert list(table[0]) == columns and len(table) == len(result.rows) == len(runs)
    assert [name for name in columns if not any(row[name] for row in table)] == []
    assert {row["growth_first"] for row in table} == {"1.2"}
    about = json.loads(result.files[1].read_text())
    assert about["seeds"] == [0, 1] and about["rows_from"] is not None
    assert result.files[2].read_bytes().startswith(b"\x89PNG")
    of_files = read_csv(result.files[3])
    assert list(of_files[0]) == list(study.FILE_COLUMNS) and len(of_files) == len(files)
    assert {row["bytes_fused"] for row in of_files if row["mode"] == "float32"} == {""}

    held = {claim["claim"]: claim["holds"] for claim in about["claims"]}
    assert len(held) == len(about["claims"])
    false = [text for text, holds in held.items() if not holds]
    assert len(false) == 4, false
    rate, scaled, kind, lost = false
    assert "learning rate" in rate
    assert about["claims"][0]["found"] == "TWN and none 0.1"
    assert "with a scale of the matrix" in scaled and "of w2a8" in lost
    assert kind.startswith("with batch_shared normalization BinaryConnect")


def test_no_pair_is_deployed_that_is_not_trained() -> None:
    for settings in (QUICK, FULL):
        assert {pair[:2] for pair in settings.deployed} <= {*settings.pairs}
        assert len({*settings.pairs}) == len(settings.pairs) and len(settings.seeds) >= 3


def test_a_name_says_all_that_differs() -> None:
    plain = Recognizer(0, None, None, 0.01)
    others: dict[str, Any] = {
        **{"seed": 1, "quantizer": "TWN", "normalization": "layer", "rate": 0.003}
    }
    assert set(others) == {field.name for field in dataclasses.fields(Recognizer)}
    runs: list[Any] = [dataclasses.replace(plain, **{name: others[name]}) for name in others]
    runs += [plain, Deployed(plain, "int8"), Deployed(plain, "w2a8")]
    assert len({run.name for run in runs}) == len(runs)
    assert len({run.setting for run in runs}) == len(runs) - 1
    assert runs[-1].name == "speech-float-plain-rate0.01-seed0-w2a8"


def test_what_only_chooses_runs_keeps_finished_rows(corpus: Path) -> None:
    options: dict[str, Any] = {"quick": True, "data": None, "processes": 1, "backend": "tensorflow"}
    basis = Pool(corpus, settings=TINY, **options).basis["settings"]
    fewer = dataclasses.replace(TINY, pairs=((None, None),), deployed=(), rates=(1.0,), seeds=(5,))
    assert Pool(corpus, settings=fewer, **options).basis["settings"] == basis
    assert basis["epochs"] == TINY.epochs and basis["units"] == (8, 8, 8)


def test_models_differ_in_their_recurrent_layers_only() -> None:
    from tfpipeline.studies.low_bit.speech.models import build, recurrent_layers

    plain = build(Recognizer(0, None, None, 0.01), TINY, BANDS)
    ternary = build(Recognizer(0, "TerConnect", "weight", 0.01), TINY, BANDS)
    other = build(Recognizer(1, None, None, 0.01), TINY, BANDS)
    layers = recurrent_layers(ternary)
    assert [layer.units for layer in layers] == list(TINY.units)
    assert {type(layer.cell.weight_quantizer).__name__ for layer in layers} == {"TerConnect"}
    values, same, different = (
        {variable.path: np.asarray(variable) for variable in model.trainable_variables}
        for model in (plain, ternary, other)
    )
    assert values.keys() <= same.keys() and len(same) > len(values)
    for path, value in values.items():
        np.testing.assert_array_equal(value, same[path])
    kernel = next(path for path in values if path.endswith("recurrent_kernel"))
    assert not np.array_equal(values[kernel], different[kernel])
    # Update gates start open, for spans that differ.
    bias = np.asarray(layers[0].cell.bias)[0]
    assert (bias[:8] > 0).all() and len({*bias[:8]}) > 4 and (bias[8:] == 0).all()


@pytest.mark.slow
def test_a_recognizer_is_trained_exported_and_kept(corpus: Path) -> None:
    from tfpipeline.loading import load_model
    from tfpipeline.studies.low_bit.speech.work import do_run

    files = RunFiles(corpus, TINY)
    run = Recognizer(0, "TerConnect", "weight", 1e-2)
    row = do_run(run, files)
    assert json.loads(json.dumps(row)) == row
    assert set(made_up(run)) == {*row}
    assert len(row["curve"]) == TINY.epochs and row["cer_validation"] == min(row["curve"])
    assert len(row["growth_first"]) == len(row["growth_last"]) == len(TINY.units)
    model = load_model(files.trained(run.name), compile=False)
    assert model.count_params() == row["params"]

    file = Deployed(run, "w2a8")
    deployed = do_run(file, files)
    assert json.loads(json.dumps(deployed)) == deployed
    assert set(made_up_file(file)) == {*deployed}
    # Keras gives the same with another batch, and here with the backend that trained.
    assert deployed["cer_keras"] == pytest.approx(row["cer_test"])
    assert files.file(file.name).stat().st_size == deployed["bytes_portable"]
    assert deployed["bytes_fused"] < deployed["bytes_portable"]
