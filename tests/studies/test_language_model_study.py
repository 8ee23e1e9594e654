"""The study of language models: what it asks for and says, and one small model trained."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfpipeline.studies.common.rows import Row, StudyError, read_csv
from tfpipeline.studies.common.run_pool import RunPool
from tfpipeline.studies.fast_grnn import language_model
from tfpipeline.studies.fast_grnn.language.data import prepare_text, read_text
from tfpipeline.studies.fast_grnn.language.published import COLUMNS, PUBLISHED
from tfpipeline.studies.fast_grnn.language.runs import LanguageModel, RunFiles
from tfpipeline.studies.fast_grnn.language.settings import Settings

TINY = Settings(
    vocabulary=12,
    words=2000,
    units=8,
    batch_size=4,
    steps=5,
    epochs=6,
    rates=(1e-3, 1e-2),
    ranks=(3, 2),
    density=0.4,
    seeds=(0, 1),
)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Words of which every second one follows from the one before it."""
    folder = tmp_path / "text"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, words in (("train", 600), ("valid", 100), ("test", 100)):
        drawn = rng.integers(0, 5, words)
        (folder / f"{name}.txt").write_text(" ".join(f"a{n} b{n}" for n in drawn))
    return folder


def made_up(run: LanguageModel, perplexity: float) -> Row:
    split = {name: perplexity for name in ("train", "validation", "test", "test_bytes")}
    sizes = {"params": 9, "ledger": 100 if run.density < 1 else 400, "ledger_float": 1600}
    return {"run": run.name, **vars(run), **split, **sizes, "minutes": 0.5}


def perplexity_of(run: LanguageModel) -> float:
    """The higher learning rate, more decay, fewer drops and strong penalties are better."""
    start = {"rnn": 90.0, "fast_rnn": 80.0, "lstm": 75.0}.get(run.cell, 70.0)
    better = 100 * run.rate + 20 * run.weight_decay - 5 * run.weight_drop + run.ar
    return start - better + run.seed + (run.density < 1) - (run.layers > 1)


def test_it_chooses_on_validation_and_says_what_it_asked_for(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[LanguageModel] = []

    def rows(pool: RunPool, runs: Sequence[Any], label: str) -> list[Row]:
        asked.extend(runs)
        return [made_up(run, perplexity_of(run)) for run in runs]

    monkeypatch.setattr(RunPool, "rows", rows)
    given = {"settings": TINY, "command": "study", "backend": "tensorflow"}
    result = language_model.run(tmp_path / "out", data=text, **given)
    names = [file.name for file in result.files]
    assert names == [f"language_model{end}" for end in (".csv", ".json", ".png", "_published.csv")]
    table = read_csv(result.files[0])
    assert list(table[0]) == list(language_model.COLUMNS)
    assert [c for c in language_model.COLUMNS if not any(row[c] for row in table)] == []
    models = [*language_model.CELLS, language_model.BYTES, *language_model.REGULARIZED]
    assert [(row["model"], row["seed"]) for row in result.rows] == [
        (model, seed) for model in models for seed in TINY.seeds
    ]
    by_model = {row["model"]: row for row in result.rows}
    assert {row["rate"] for row in result.rows} == {1e-2}
    assert by_model[language_model.DECAY]["weight_decay"] == max(TINY.decays)
    assert by_model[language_model.DROP]["weight_drop"] == min(TINY.drops)
    penalty = by_model[language_model.PENALTY]
    assert (penalty["ar"], penalty["tar"]) == max(TINY.penalties)
    assert len({run.name for run in asked}) == len({dataclasses.astuple(run) for run in asked})

    about = json.loads(result.files[1].read_text())
    held = {claim["claim"]: claim for claim in about["claims"]}
    assert [claim["holds"] for claim in about["claims"]] == [
        *(True, True, False),  # low rank costs 1 in 70, more than 1 %
        *(True, True, False, True),  # dropped weights cost perplexity here
    ]
    lsq = next(found["found"] for claim, found in held.items() if claim.startswith("low rank"))
    assert lsq == "69.5 to 70.5 in a cell of 16 times fewer bytes"
    assert about["data"]["text"] and about["settings"]["vocabulary"] == 12
    with pytest.raises(StudyError, match="holds the corpus"):
        language_model.run(tmp_path / "out", **given)


def test_published_rows_are_complete() -> None:
    assert all(tuple(row) == COLUMNS and row["test"] and row["source"] for row in PUBLISHED)
    ours = {*language_model.CELLS, language_model.BYTES, *language_model.REGULARIZED}
    # The paper has no GRU and no QRNN on this text.
    assert ours - {row["model"] for row in PUBLISHED} == {"GRU", "QRNN"}


def test_a_name_says_all_that_differs() -> None:
    plain = LanguageModel(0, "gru", 64, 1e-3)
    assert plain.name == "text-gru64-rate=0.001-seed0"
    others = {
        **{"seed": 1, "cell": "lstm", "units": 63, "rate": 2e-3, "layers": 2, "rank": 3},
        **{"recurrent_rank": 3, "density": 0.4, "piecewise": True, "weight_decay": 0.1},
        **{"weight_drop": 0.1, "ar": 0.1, "tar": 0.1},
    }
    assert set(others) == {field.name for field in dataclasses.fields(LanguageModel)}
    changed = [dataclasses.replace(plain, **{name: value}).name for name, value in others.items()]
    assert len({plain.name, *changed}) == 1 + len(others)


@pytest.mark.slow
def test_a_model_learns_and_its_perplexity_is_that_of_its_logits(
    text: Path, tmp_path: Path
) -> None:
    import keras

    from tfpipeline.studies.fast_grnn.language.training import train_run

    files = RunFiles(tmp_path / "out", TINY)
    files.folder.mkdir()
    prepare_text(files, text)
    run = LanguageModel(
        **{"seed": 0, "cell": "fast_grnn", "units": 8, "rate": 2e-2, "rank": 3},
        **{"recurrent_rank": 2, "density": 0.4, "piecewise": True, "weight_decay": 0.01},
        **{"weight_drop": 0.1, "ar": 0.01, "tar": 0.01},
    )
    row = train_run(run, files)
    assert json.loads(json.dumps(row)) == row
    words, batches = read_text(files)
    # Five words are drawn, and what follows each of them is certain: the square root of 5 at best.
    assert words == 12 and math.sqrt(5) < row["validation"] < 8
    assert row["validation"] <= min(row["curve"][4:]) + 1e-3 and len(row["curve"]) == TINY.epochs
    assert row["test_bytes"] == pytest.approx(row["test"], rel=0.1)
    # Two bytes for each number that is left, one for each of two biases, and zeta and nu.
    left = [math.ceil(0.4 * n) for n in (8 * 3, 3 * 8, 8 * 2, 2 * 8)]
    assert row["ledger"] == 2 * sum(left) + 2 * 8 + 2
    model = keras.saving.load_model(files.model(run.name), compile=False)
    assert row["params"] == model.count_params() == 12 * 8 + 80 + 16 + 2 + 8 * 12 + 12
    x, y = batches["test"]
    lost = keras.losses.sparse_categorical_crossentropy(y, model(x), from_logits=True)
    mean = float(np.mean(keras.ops.convert_to_numpy(lost)))
    assert row["test"] == pytest.approx(math.exp(mean), rel=1e-4)
