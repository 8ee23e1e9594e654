"""The studies of embeddings: what they ask for and say, and small models of each kind trained."""

from __future__ import annotations

import argparse
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
from tfpipeline.studies.embeddings import latency, times
from tfpipeline.studies.embeddings.data import prepare_sentences, read_sentences
from tfpipeline.studies.embeddings.few_bits import rounded_rows
from tfpipeline.studies.embeddings.plan import first_stages, forms, with_seed
from tfpipeline.studies.embeddings.runs import Deployed, RunFiles, Smaller, Training
from tfpipeline.studies.embeddings.sentences import last_words, load
from tfpipeline.studies.embeddings.settings import (
    DATA,
    DEFAULT_SCHEDULE,
    FULL,
    QUICK,
    SCHEDULES,
    Settings,
)
from tfpipeline.studies.embeddings.word_vectors import as_start, word_vectors

TINY = Settings(
    train=192,
    tested=64,
    vocabulary=600,
    steps=8,
    width=20,
    units=6,
    hidden=(8, 6),
    batch_size=32,
    first=2,
    second=1,
    rate=0.02,
    parts=2,
    contexts=50,
    removed=1,
    lr_epochs=3,
    reductions=(0.5, 0.9),
    projected=(0.75,),
    seeds=(0, 1),
)
STUDIES = ("lr", "embedding-compression", "embedding-retraining", "embedding-latency")


def made_up(run: Training | Smaller | Deployed) -> Row:
    """A row of a run: low rank loses little, projections more, and two bits most of all."""
    if isinstance(run, Deployed):
        modes = ("float32", "float16", "dynamic", "int4")
        file = {"bytes": 500, "bytes_fused": 400, "validation": 0.8, "test": 0.8}
        return {"run": run.name, "files": dict.fromkeys(modes, file)}
    training = run.run if isinstance(run, Smaller) else run
    cut = isinstance(run, Smaller) and any(kind == "rank" for kind, _ in run.cuts)
    start = 0.7 if training.start in ("u", "us", "raunak", "pca") else 0.9
    start += training.rate / 100 + (training.schedule == "calr") / 50 + training.seed / 1000
    share = 0.1 if cut else 1.0

    def entry(scope: str, bits: int) -> Row:
        found = start - (0.2 if bits == 2 else 0.0)
        size = int(100_000 * share * bits / 32)
        return {
            **{"scope": scope, "bits": bits, "validation": found, "test": found - 0.01},
            **{"stored": size + 10, "ledger": size},
        }

    return {
        **{"run": run.name, "setting": run.setting, **vars(training)},
        **{"validation": start, "test": start - 0.01, "params": 9, "seconds": 1.0},
        "watched": [[0, 0.1], [3, start - 0.1], [6, start], [9, start]],
        "losses": [2.0, 1.0, 0.5],
        "rounded": [entry("all", 32), *(entry(s, b) for b in TINY.bits for s in ("all", "table"))],
    }


def said_by(
    name: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[StudyResult, list[Any], dict[str, bool]]:
    asked: list[Any] = []

    def rows(pool: RunPool, runs: Sequence[Any], label: str) -> list[Row]:
        asked.extend(runs)
        return [made_up(run) for run in runs]

    monkeypatch.setattr(RunPool, "rows", rows)
    study = load_study(name)
    given = {"settings": TINY, "command": "study", "backend": "tensorflow", "data": "synthetic"}
    result = study.run(out, **given)
    table = read_csv(result.files[0])
    assert list(table[0]) == list(study.COLUMNS) and len(table) == len(result.rows)
    # No column that no row ever has.
    assert [column for column in study.COLUMNS if not any(row[column] for row in table)] == []
    about = json.loads(result.files[1].read_text())
    assert about["seeds"] == [0, 1] and about["study"] == name
    assert result.files[2].read_bytes().startswith(b"\x89PNG")
    held = {claim["claim"]: claim["holds"] for claim in about["claims"]}
    assert len(held) == len(about["claims"])
    return result, asked, held


def test_learning_rates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, asked, held = said_by("lr", tmp_path, monkeypatch)
    # The highest rate is best in what is made up.
    chosen = {(row["model"], row["schedule"]): row["rate"] for row in result.rows}
    assert chosen == {
        (model, name): max(TINY.rates_of(name)) for model in TINY.models for name in SCHEDULES
    }
    assert all(held.values())
    trials = sum(len(TINY.rates_of(name)) for name in SCHEDULES)
    assert len(asked) == 2 * (trials + 2 * len(SCHEDULES))
    curves = read_csv(result.files[3])
    assert len(curves) == 2 * len(SCHEDULES) * 3
    assert float(curves[0]["loss"]) == 2.0


def test_all_that_makes_tables_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, asked, held = said_by("embedding-compression", tmp_path, monkeypatch)
    kinds = {row["form"].split()[0] for row in result.rows}
    assert kinds == {"whole", "random", "rank", "prune", "cluster", "projected"}
    entries = 1 + 2 * len(TINY.bits)
    names = forms(TINY, "dan")
    assert len(result.rows) == 2 * len(names) * len(TINY.seeds) * entries
    assert {row["scope"] for row in result.rows if row["test_file"] is not None} == {"all"}
    exported = {run.run for run in asked if isinstance(run, Deployed)}
    assert all(run in exported for run in names.values() if isinstance(run, Smaller))
    # Every model gains the same here.
    false = [text for text, holds in held.items() if not holds]
    assert false == ["an LSTM gains more than a DAN by rank -90 % instead of 2 bits"]
    # The first stages come before what starts from them.
    places = {run: place for place, run in enumerate(asked)}
    assert all(places[run.run] < places[run] for run in asked if isinstance(run, Smaller))


def test_accuracy_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, _, held = said_by("embedding-retraining", tmp_path, monkeypatch)
    assert len(result.rows) == 2 * len(TINY.reductions) * 2 * 4
    assert all(held.values())
    lines = read_csv(result.files[3])
    assert [line["bits"] for line in lines] == ["32", "16", "8"] * 2


def test_files_are_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def timed(files: RunFiles, runs: Sequence[Deployed], modes: Sequence[str]) -> Any:
        return {
            (run.name, mode, kernels): 0.01 + 0.01 * isinstance(run.run, Training)
            for run in runs
            for mode in modes
            for kernels in ("portable", "fused")
        }

    monkeypatch.setattr(times, "time_files", timed)
    result, asked, held = said_by("embedding-latency", tmp_path, monkeypatch)
    assert all(held.values())
    assert {run.name.rpartition("seed")[2] for run in asked if isinstance(run, Deployed)} == {
        "0-files",
        "0-folded",
    }
    assert len(result.rows) == 2 * (1 + 2 * len(TINY.reductions)) * len(latency.MODES) * 2


@pytest.mark.parametrize("study", STUDIES)
def test_options(study: str) -> None:
    parser = argparse.ArgumentParser()
    load_study(study).add_arguments(parser)
    assert str(parser.parse_args(["--data", "synthetic"]).data) == "synthetic"
    assert all(name in parser.format_help() for name in DATA)


def test_settings_compare_three_seeds_and_rates_for_each_schedule() -> None:
    for settings in (QUICK, FULL):
        assert len(settings.seeds) >= 3
        assert all(len(settings.rates_of(name)) >= 3 for name in SCHEDULES)
        assert settings.rates_of("adam") != settings.rates_of("calr")


def test_names_say_all_that_differs() -> None:
    plain = Training(0, "lstm", 4)
    others: dict[str, Any] = {
        **{"seed": 1, "model": "dan", "epochs": 5, "start": "us", "reduction": 0.9},
        **{"schedule": "calr", "rate": 0.1, "parts": 2},
    }
    assert set(others) == {field.name for field in dataclasses.fields(Training)}
    changed: list[Any] = [dataclasses.replace(plain, **{k: v}) for k, v in others.items()]
    changed += [
        Smaller(plain, (("rank", 0.9),), 4),
        Smaller(plain, (("rank", 0.5),), 4),
        Smaller(plain, (("prune", 0.9),), 4),
        Smaller(plain, (("prune", 0.5), ("rank", 0.5)), 4),
        Smaller(plain, (("rank", 0.9),), 5),
        Smaller(plain, (("rank", 0.9),), 4, 2),
        Deployed(plain),
        Deployed(plain, folded=True),
    ]
    assert len({plain.name, *(run.name for run in changed)}) == 1 + len(changed)
    assert len({with_seed(run, 7).name for run in changed[8:14]}) == 6
    assert first_stages([changed[8], changed[9], plain]) == [plain]


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    found = RunFiles(tmp_path, TINY)
    prepare_sentences(found, "synthetic")
    return found


def test_sentences(files: RunFiles) -> None:
    found = read_sentences(files)
    assert len(found.train) == 192 and len(found.test) == 64
    assert found.vocabulary == 600 and found.classes == 8
    for part in (found.train, found.validation, found.test):
        assert part.x.dtype == np.int32 and part.x.max() < 600 and part.x.any(axis=1).all()
        # Padding is in front of words only, and the unknown word is never drawn.
        padding = part.x == 0
        assert (np.diff(padding.astype(int), axis=1) <= 0).all() and padding.any()
    with pytest.raises(StudyError, match="holds the corpus 'synthetic'"):
        prepare_sentences(files, None)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "classes"), [("books", 20), ("documentation", 9)])
def test_sentences_by_name(name: str, classes: int) -> None:
    found = load(name, dataclasses.replace(TINY, train=2000, tested=200, vocabulary=2000))
    assert len(np.bincount(found.train.y)) == found.classes == classes
    assert found.train.x.shape[1] == 8 and found.train.x.max() < found.vocabulary <= 2000
    padding = found.train.x == 0
    assert (np.diff(padding.astype(int), axis=1) <= 0).all() and 0.001 < padding.mean() < 0.9
    # Words that occur twice in training have numbers; the unknown word is rare.
    assert 0 < (found.train.x == 1).mean() < 0.2


def test_sentences_of_a_folder(tmp_path: Path) -> None:
    lines = ["sentence\tlabel", *(f"a good film {i % 7}\t{i % 2}" for i in range(40))]
    for name in ("train.tsv", "dev.tsv", "test.tsv"):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    found = load(str(tmp_path), TINY)
    assert found.classes == 2 and found.train.x.shape[1] == 8
    with pytest.raises(StudyError, match="or a folder that holds one of train.tsv"):
        load(str(tmp_path / "nothing"), TINY)


def test_the_last_words_of_a_sentence_are_read() -> None:
    ids = np.array([[4, 5, 6], [7, 0, 0], [0, 0, 0]])
    assert last_words(ids, 2).tolist() == [[5, 6], [0, 7], [0, 0]]
    assert last_words(ids, 4).tolist() == [[0, 4, 5, 6], [0, 0, 0, 7], [0, 0, 0, 0]]


def test_word_vectors_put_words_of_a_topic_together(files: RunFiles) -> None:
    found = read_sentences(files)
    vectors = word_vectors(found.train.x, found.vocabulary, 20, 50)
    assert vectors.shape == (600, 20) and not vectors[0].any()
    assert np.sqrt(np.mean(vectors[vectors.any(axis=1)] ** 2)) == pytest.approx(0.1, rel=1e-3)
    # The commonest words of the first two topics.
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    one, other = units[2:8], units[62:68]
    assert (one @ one.T).mean() > (one @ other.T).mean() + 0.1
    assert not as_start(np.zeros((3, 2))).any()


def test_rounded_rows_have_few_values() -> None:
    values = np.random.default_rng(0).normal(size=(5, 400)).astype("float32")
    errors = []
    for bits in (2, 4, 8, 16, 32):
        found = rounded_rows(values, bits)
        assert found.dtype == values.dtype
        if bits < 16:
            assert max(len(set(row)) for row in found.tolist()) <= 2**bits - 1
        errors.append(float(np.abs(found - values).mean()))
    assert errors == sorted(errors, reverse=True) and errors[-1] == 0
    # Of codes -1, 0, 1 the largest number is not the best scale.
    widest = np.abs(values).max(axis=1, keepdims=True)
    plain = np.rint(values / widest) * widest
    assert ((rounded_rows(values, 2) - values) ** 2).sum() < ((plain - values) ** 2).sum()
    assert rounded_rows(np.zeros((2, 3), "float32"), 4).tolist() == [[0.0] * 3] * 2


@pytest.mark.slow
@pytest.mark.parametrize("model", ["lstm", "dan"])
def test_a_model_is_trained_made_smaller_and_exported(model: str, files: RunFiles) -> None:
    from tfpipeline.studies.embeddings.work import do_run

    settings = files.settings
    start = Training(0, model, settings.first, parts=settings.parts)
    row = do_run(start, files)
    assert json.loads(json.dumps(row)) == row
    assert set(made_up(start)) <= {*row, "run", "setting"}
    assert [batch for batch, _ in row["watched"]] == [0, 3, 6, 9, 12]
    assert row["validation"] == max(found for _, found in row["watched"])
    assert len(row["losses"]) == 2 and row["losses"][1] < row["losses"][0] < 1.5 * math.log(8)
    cuts = (("prune", 0.5), ("cluster", 0.5), ("rank", 0.75))
    smaller = do_run(Smaller(start, cuts, 1, 2), files)
    assert json.loads(json.dumps(smaller)) == smaller
    sizes = {(e["scope"], e["bits"]): (e["stored"], e["ledger"]) for e in row["rounded"]}
    fewer = {(e["scope"], e["bits"]): (e["stored"], e["ledger"]) for e in smaller["rounded"]}
    assert (
        sizes.keys()
        == fewer.keys()
        == {
            ("all", 32),
            *((scope, bits) for scope in ("all", "table") for bits in (16, 8, 4, 2)),
        }
    )
    assert sizes["all", 32][0] == sizes["all", 32][1] == 4 * row["params"]
    # 600 rows of 20 numbers became a map, 150 rows of as many numbers as the rank, and its factor.
    rank = int(0.25 * 150 * 20 / 170)
    rest = 4 * (row["params"] - 600 * 20)
    assert fewer["all", 32] == (rest + 600 + 4 * rank * 170,) * 2
    assert fewer["table", 8][0] == rest + 600 + rank * 170 + 4 * 20
    assert fewer["table", 4][0] == rest + 600 + rank * 170 // 2 + 4 * (150 + 20)
    assert all(few[0] < sizes[key][0] for key, few in fewer.items())
    found = do_run(Deployed(Smaller(start, cuts, 1, 2), folded=True), files)["files"]
    assert json.loads(json.dumps(found)) == found
    assert found["float32"]["bytes"] > found["float16"]["bytes"]
    # Rows of so few numbers take more for their scales in 8 bits than they save.
    assert found["float32"]["bytes"] > found["dynamic"]["bytes"]
    assert found["float32"]["test"] == pytest.approx(smaller["test"], abs=0.02)
    timed = times.time_files(files, [Deployed(Smaller(start, cuts, 1, 2), True)], ("float32",))
    assert {mode for _, mode, _ in timed} == {"float32"} and min(timed.values()) > 0


@pytest.mark.slow
@pytest.mark.parametrize("start", ["random", "raunak"])
def test_other_starts(start: str, files: RunFiles) -> None:
    from tfpipeline.studies.embeddings.models import first_table

    run = Training(0, "dan", 1, start, 0.75 if start == "raunak" else 0.0)
    table = first_table(run, files)
    assert table.shape == (600, 5 if start == "raunak" else 20) and not table[0].any()
    assert np.sqrt(np.mean(table[table.any(axis=1)] ** 2)) == pytest.approx(0.1, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("schedule", [*SCHEDULES, DEFAULT_SCHEDULE])
def test_rates_rise_and_fall_as_they_should(schedule: str) -> None:
    """The rate of each batch, of three in an epoch and four epochs."""
    import keras

    from tfpipeline.studies.embeddings.schedules import optimizer_of

    rates: list[float] = []

    class Seen(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            rates.append(float(self.model.optimizer.learning_rate))

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer, callbacks = optimizer_of(schedule, 1.0, 3, 4)
    model.compile(optimizer, "mean_squared_error", jit_compile=False)
    x = np.zeros((6, 2), "float32")
    for _ in range(4):
        model.fit(x, x[:, :1], batch_size=2, callbacks=[*callbacks, Seen()], verbose=0)
    expected = {
        "constant": [1.0] * 12,
        "adam": [1.0] * 12,
        "adagrad": [1.0] * 12,
        "step": [1.0] * 7 + [0.1] * 3 + [0.01] * 2,
        "clr": [0.4, 0.7, 1.0, 0.7, 0.4, 0.1] * 2,
        # Triangles of two batches whose peaks are 1 and 1 / 2, and again.
        "calr": [1.0, 0.25, 0.5, 0.25, 1.0, 0.25, 0.5, 0.25, 1.0, 0.25, 0.5, 0.25],
    }
    if schedule in expected:
        np.testing.assert_allclose(rates, expected[schedule], rtol=1e-5)
    elif schedule in ("cosine", DEFAULT_SCHEDULE):
        curve = 0.01 + 0.99 * (1 + np.cos(np.pi * np.arange(12) / 12)) / 2
        np.testing.assert_allclose(rates, curve, rtol=1e-5)
    elif schedule == "sgdr":
        # From the top after one epoch, and after two more.
        assert [batch for batch in range(12) if rates[batch] > 0.999] == [0, 3, 9]
    else:
        assert schedule == "calr_published"
        lower = 1e-5
        peaks = [1.0, lower, 1.0, lower, 0.1, lower, 1e-2, lower, 1e-2, lower, 1e-3, lower]
        np.testing.assert_allclose(rates, peaks, rtol=1e-4)
