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
from tfpipeline.studies.fast_grnn import equal_bytes, ternary_or_int8
from tfpipeline.studies.fast_grnn.pool import Pool
from tfpipeline.studies.fast_grnn.runs import Cut, Deployed, FirstStates, Training
from tfpipeline.studies.fast_grnn.settings import Compressed, Recipe, Settings
from tfpipeline.studies.fast_grnn.times import time_files

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
    int8_units=(3, 4),
    ternary_units=(5, 6),
    int8_params=(200, 260),
    ternary_params=(300, 400),
    ternary_trace_norms=(1e-3,),
    pruned_units=16,
    pruned_epochs=3,
    densities=(0.4, 0.2),
)
STUDIES = (
    *("alpha-beta", "block-sparsity", "equal-bytes", "fast-grnn", "fixed-alpha", "initial-state"),
    *("qrnn-compression", "ternary-or-int8", "trace-norm-ranks"),
)
# One of every kind, so that everything that a study does is done once.
_SPARSE = Training(
    *(0, "fast_grnn", 6),
    rank=2,
    recurrent_rank=3,
    density=0.5,
    recurrent_density=0.5,
    piecewise=True,
    options=(("h_clip", 1.0),),
    epochs=3,
)
_WHOLE = Training(
    0, "fast_grnn", 6, "digits", stacked=16, rank=-1, recurrent_rank=-1, trace_norm=1e-3
)
_GRU = Training(0, "gru", 3)
_DRAWN = Training(0, "fast_rnn", 4, data="digits", stacked=16, random_start=True)
_TERNARY = Cut(Training(0, "gru", 4, rank=-1, recurrent_rank=-1, epochs=1), 500, 1, ternary=True)
RUNS = (_SPARSE, _WHOLE, _GRU, _DRAWN, Cut(_WHOLE, 140, 1), FirstStates(_DRAWN))
RUNS += (_TERNARY.run, _TERNARY)
EXPORTS = (Deployed(_SPARSE), Deployed(_GRU), Deployed(_GRU, stock=True), Deployed(_TERNARY))


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("fast-grnn")
    corpus = synthesize_corpus(
        folder / "corpus", train_clips=48, validation_clips=12, test_clips=12
    )
    return {
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


@pytest.fixture(scope="module")
def pool(given: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Pool:
    return Pool(tmp_path_factory.mktemp("rows"), quick=True, **given)


@pytest.mark.long
def test_every_kind_of_run_is_done_once(pool: Pool) -> None:
    rows = [*pool.rows(RUNS, "Models"), *pool.rows(EXPORTS, "Export")]
    for run, row in zip((*RUNS, *EXPORTS), rows, strict=True):
        assert {"commit", "dirty", "processor"} <= set(row)
        # The studies below are tested with rows that are made up.
        assert set(made_up(run)) <= set(row)
    store = pool.out / "fast_grnn.rows.jsonl"
    before = store.read_text()
    assert pool.rows(RUNS, "Models") == rows[: len(RUNS)]
    assert store.read_text() == before


@pytest.mark.long
def test_files_are_timed_in_one_process(pool: Pool) -> None:
    pool.rows([_SPARSE, _GRU], "Models")
    pool.rows(EXPORTS, "Export")
    times = time_files(pool.files, [_SPARSE, _GRU])
    ours = {"us", "us_fused", "us_step_fused"}
    assert set(times[_SPARSE.name]) == ours
    assert set(times[_GRU.name]) == ours | {"us_stock", "us_step_stock"}
    assert all(us > 0 for row in times.values() for us in row.values())


def made_up(run: Any) -> Row:
    """A row of a run, with columns that real ones have."""
    rng = np.random.default_rng(list(run.name.encode()))
    name = {"run": run.name, "setting": run.setting}

    def shares(*names: str) -> Row:
        return {name: float(rng.uniform(0.1, 0.9)) for name in names}

    def sizes(*names: str) -> Row:
        return {name: int(rng.integers(1000, 9000)) for name in names}

    if isinstance(run, Deployed):
        fused = {} if run.stock else shares("validation_fused", "test_fused", "test_stream")
        files = ("bytes",) if run.stock else ("bytes", "bytes_fused")
        return {**name, **shares("validation", "test"), **fused, **sizes(*files)}
    if isinstance(run, FirstStates):
        drawn = [float(value) for value in rng.uniform(0.1, 0.9, run.draws)]
        return {**name, **shares("test"), "drawn": drawn, "seed": run.run.seed}
    own = run.run if isinstance(run, Cut) else run
    steps, options = 98 if own.data == "commands" else 64, dict(own.options)
    scalars = shares(*(("alpha", "beta") if own.cell == "fast_rnn" else ()))
    if options.get("trainable_alpha") is False:
        scalars["alpha"] = 1 / (1 + math.exp(-options["alpha_init"]))
    return {
        **name,
        **vars(own),
        "options": options,
        "steps": steps // own.stacked,
        "rate": own.rate or 1e-3,
        **shares("validation", "test", "seconds"),
        **scalars,
        **sizes("params", "nonzero", "ledger", "ledger_float"),
        **(
            {"ranks": {f"recurrent/{kernel}": 2 for kernel in ("kernel", "recurrent_kernel")}}
            if isinstance(run, Cut)
            else {}
        ),
    }


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_says_what_it_asked_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def rows(pool: RunPool, runs: Sequence[Any], label: str) -> list[Row]:
        asked.extend(runs)
        return [made_up(run) for run in runs]

    def times(files: Any, runs: Sequence[Training | Cut]) -> dict[str, dict[str, float]]:
        ours = {"us": 3.0, "us_fused": 2.0, "us_step_fused": 1.0}
        stock = {"us_stock": 9.0, "us_step_stock": 4.0}
        has_stock = ("gru", "lstm")
        return {
            run.name: ours | (stock if getattr(run, "cell", None) in has_stock else {})
            for run in runs
        }

    monkeypatch.setattr(RunPool, "rows", rows)
    monkeypatch.setattr("tfpipeline.studies.fast_grnn.times.time_files", times)
    np.savez(tmp_path / "commands.npz", test_x=np.zeros((1, 98, 40)), labels=np.zeros(12))
    (tmp_path / "commands.source.txt").write_text("synthesized")
    result = load_study(name).run(tmp_path, settings=TINY, command="study", backend="tensorflow")
    check(name, result)
    # Each is a run of its own, and every one is in the table or chose one that is.
    assert len({run.name for run in asked}) >= len(result.rows)


@pytest.mark.long
def test_other_epochs_are_not_mixed_with_these(pool: Pool, given: dict[str, Any]) -> None:
    other = dataclasses.replace(TINY, digits=Recipe(2, 512, 4e-3, (4e-3,)))
    with pytest.raises(StudyError, match="other settings"):
        Pool(pool.out, quick=True, **{**given, "settings": other})


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
    runs.append(Cut(plain, 99, 3, ternary=True))
    assert len({plain.name, *(run.name for run in runs)}) == 6


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


def test_low_rank_models_of_the_strength_that_is_best_on_validation_have_a_file() -> None:
    def cut(strength: float, params: int, seed: int) -> Cut:
        whole = Training(seed, "gru", 4, rank=-1, recurrent_rank=-1, trace_norm=strength)
        return Cut(whole, params, 1)

    plain = Training(0, "gru", 4)
    found = [
        *((plain, 0.1), (cut(1e-3, 200, 0), 0.9), (cut(1e-3, 200, 1), 0.2)),
        *((cut(1e-4, 200, 0), 0.7), (cut(1e-4, 200, 1), 0.6)),
        *((cut(1e-3, 300, 0), 0.8), (cut(1e-4, 300, 0), 0.7)),
    ]
    runs: list[tuple[str, Any]] = [("int8, low rank", one) for one, _ in found]
    rows: list[Any] = [{"validation": value, "test": 1.0 - value} for _, value in found]
    expected = {plain, cut(1e-4, 200, 0), cut(1e-4, 200, 1), cut(1e-3, 300, 0)}
    assert ternary_or_int8._best(runs, rows) == expected
