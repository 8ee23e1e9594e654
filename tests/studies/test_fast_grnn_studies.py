"""The studies of FastGRNN from end to end, too small to say anything about the method."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfpipeline.compress import CellSizes, ledger
from tfpipeline.data import synthesize_corpus
from tfpipeline.studies import load_study
from tfpipeline.studies.common.rows import Row, StudyError, StudyResult, read_csv
from tfpipeline.studies.common.run_pool import RunPool
from tfpipeline.studies.fast_grnn import equal_bytes
from tfpipeline.studies.fast_grnn.pool import Pool
from tfpipeline.studies.fast_grnn.runs import Cut, Deployed, FirstStates, Training
from tfpipeline.studies.fast_grnn.settings import Compressed, Recipe, Settings

TINY = Settings(
    seeds=(0,),
    commands=Recipe(3, 48, 4e-3, (4e-3,)),
    digits=Recipe(1, 512, 4e-3, (4e-3,)),
    short=1,
    stacked=(("digits", (8, 16)),),
    units=(("digits", 4),),
    alphas=(0.001, 0.05),
    gru=(3,),
    lstm=(2,),
    compressed=Compressed(6, 2, 3, 0.5, 0.5),
    published=Compressed(4, 2, 2, 0.5, 0.5),
    compressed_epochs=3,
    budget=300,
    hand_set=Compressed(6, 2, 3, 1.0, 1.0),
    trace_norms=(1e-3,),
    qrnn=Compressed(4, 3, 0, 0.5, 1.0),
    pruned_units=16,
    pruned_epochs=3,
    densities=(0.4, 0.2),
)
# Trained, tested, exported and timed; in this order, as later ones read what earlier ones trained.
TRAINED = ("fast-grnn", "initial-state", "trace-norm-ranks")
# The same with rows that are made up: these differ in which runs they ask for, and in what they say
# of them.
ASKED = ("alpha-beta", "fixed-alpha", "equal-bytes", "qrnn-compression", "block-sparsity")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("fast-grnn")
    corpus = synthesize_corpus(
        folder / "corpus", train_clips=48, validation_clips=12, test_clips=12
    )
    return {
        "out": folder / "out",
        "data": corpus.path,
        "settings": TINY,
        # JAX is faster at training and slower at compiling, and these hardly train.
        "backend": "tensorflow",
        "processes": 1,
    }


def check(name: str, result: StudyResult) -> None:
    assert [file.suffix for file in result.files] == [".csv", ".json", ".png"]
    table = read_csv(result.files[0])
    assert len(table) == len(result.rows) > 0
    columns = load_study(name).COLUMNS
    assert {"seed", "test"} <= set(columns)
    # No column that no row ever has.
    assert [column for column in columns if not any(row[column] for row in table)] == []
    about = json.loads(result.files[1].read_text())
    assert about["seeds"] == [0] and about["claims"]
    # A study of digits needs no commands.
    assert bool(about["data"]["commands"]) == (name != "block-sparsity")
    for claim in about["claims"]:
        assert claim["claim"] in result.summary
    assert result.files[2].read_bytes().startswith(b"\x89PNG")


@pytest.mark.long
@pytest.mark.parametrize("name", TRAINED)
def test_a_study_trains_and_writes_its_table_and_its_picture(
    name: str, given: dict[str, object]
) -> None:
    result = load_study(name).run(**given, command="study")
    check(name, result)
    about = json.loads(result.files[1].read_text())
    assert {"commit", "dirty", "processor", "rows"} == set(about["rows_from"][0])


def made_up(run: Any) -> Row:
    """A row of a training or of an export, with the columns that real ones have."""
    rng = np.random.default_rng(list(run.name.encode()))
    numbers = {
        name: float(rng.uniform(0.1, 0.9))
        for name in ("validation", "test", "test_fused", "test_stream", "alpha", "beta", "seconds")
    }
    sizes = {
        name: int(rng.integers(1000, 9000))
        for name in ("params", "nonzero", "ledger", "ledger_float", "bytes", "bytes_fused")
    }
    own = getattr(run, "run", run)
    steps = 98 if own.data == "commands" else 64
    options = dict(own.options)
    if options.get("trainable_alpha") is False:
        numbers["alpha"] = 1 / (1 + math.exp(-options["alpha_init"]))
    fields = {
        **vars(own),
        "options": options,
        "steps": steps // own.stacked,
        "rate": own.rate or 1e-3,
    }
    return {"run": run.name, "setting": run.setting, **fields, **numbers, **sizes}


@pytest.mark.parametrize("name", ASKED)
def test_a_study_says_what_it_asked_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def rows(pool: RunPool, runs: Sequence[Any], label: str) -> list[Row]:
        asked.extend(runs)
        return [made_up(run) for run in runs]

    def times(files: Any, runs: Sequence[Training]) -> dict[str, dict[str, float]]:
        return {run.name: {"us": 3.0, "us_fused": 2.0, "us_step_fused": 1.0} for run in runs}

    monkeypatch.setattr(RunPool, "rows", rows)
    monkeypatch.setattr("tfpipeline.studies.fast_grnn.times.time_files", times)
    np.savez(tmp_path / "commands.npz", test_x=np.zeros((1, 98, 40)), labels=np.zeros(12))
    (tmp_path / "commands.source.txt").write_text("synthesized")
    result = load_study(name).run(tmp_path, settings=TINY, command="study", backend="tensorflow")
    check(name, result)
    # Each is a run of its own, and every one is in the table or chose one that is.
    assert len({run.name for run in asked}) >= len(result.rows)


@pytest.mark.long
def test_what_is_done_is_not_done_again(given: dict[str, object]) -> None:
    store = Path(str(given["out"])) / "fast_grnn.rows.jsonl"
    before = store.read_text()
    load_study("initial-state").run(**given, command="study")
    assert store.read_text() == before


@pytest.mark.long
def test_other_epochs_are_not_mixed_with_these(given: dict[str, object]) -> None:
    other = dataclasses.replace(TINY, digits=Recipe(2, 512, 4e-3, (4e-3,)))
    with pytest.raises(StudyError, match="other settings"):
        Pool(
            Path(str(given["out"])),
            quick=True,
            data=Path(str(given["data"])),
            processes=1,
            backend="tensorflow",
            settings=other,
        )


def test_a_name_says_all_that_differs() -> None:
    plain = Training(0, "fast_grnn", 100)
    assert plain.name == "commands-fast_grnn100-seed0"
    others = {
        "stacked": 2,
        "rank": 4,
        "recurrent_rank": 5,
        "density": 0.3,
        "recurrent_density": 0.4,
        "block": (8, 4),
        "piecewise": True,
        "options": (("tie_beta", True), ("alpha_init", -3.25)),
        "trace_norm": 1e-3,
        "random_start": True,
        "epochs": 3,
        "rate": 1e-3,
    }
    names = {plain.name, Training(1, "fast_grnn", 100).name, Training(0, "gru", 100).name}
    names |= {Training(0, "fast_grnn", 99).name, Training(0, "fast_grnn", 100, "digits").name}
    for name, value in others.items():
        names.add(dataclasses.replace(plain, **{name: value}).name)
    assert len(names) == 5 + len(others)
    assert set(others) == {field.name for field in dataclasses.fields(Training)[4:]}
    runs = [Deployed(plain), Deployed(plain, stock=True), FirstStates(plain), Cut(plain, 99, 3)]
    assert len({plain.name, *(run.name for run in runs)}) == 5


@pytest.mark.parametrize("cell", ["rnn", "fast_rnn", "fast_grnn", "ugrnn", "lstm"])
def test_the_widest_cell_of_a_budget(cell: str) -> None:
    names = {"rnn": "simple_rnn"}

    def counted(units: int) -> int:
        sizes = CellSizes(names.get(cell, cell), features=40, units=units, classes=12)
        return ledger(sizes).bytes

    units = equal_bytes._widest(8192, cell, 40, 12)
    assert counted(units) <= 8192 < counted(units + 1)


def test_the_widest_compressed_cell_of_a_budget() -> None:
    run = equal_bytes._compressed(8192, 40, 12, 20)
    sizes = CellSizes(
        "fast_grnn",
        features=40,
        units=run.units,
        classes=12,
        rank=run.rank,
        recurrent_rank=run.recurrent_rank,
        density=run.density,
        recurrent_density=run.recurrent_density,
    )
    assert 7900 <= ledger(sizes).bytes <= 8192
