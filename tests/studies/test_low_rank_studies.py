"""The low-rank studies from end to end, too small to say anything about the method."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfpipeline.data import synthesize_sentences
from tfpipeline.studies import load_study
from tfpipeline.studies.common.rows import Row, StudyError, read_csv
from tfpipeline.studies.common.run_pool import RunPool
from tfpipeline.studies.low_rank import low_rank_or_sparse
from tfpipeline.studies.low_rank.pool import Pool
from tfpipeline.studies.low_rank.runs import Deployed, Run, Stage1, Stage2, TwoStages
from tfpipeline.studies.low_rank.settings import Settings

TINY = Settings(
    train=32,
    validation=8,
    test=8,
    max_seconds=2.0,
    units=(6, 8),
    dense=8,
    filters=(2, 2),
    batch_size=16,
    epochs=3,
    stage2_epochs=1,
    seeds=(0,),
    # Its run with this strength is also one of those alone.
    trace_norm=((), (1e-2,)),
    l2=((1e-2,), (1e-2,)),
    trace_norm_alone=(1e-2,),
    l2_alone=(),
    budgets=(0.8,),
    explained_variances=(0.9,),
    transitions=(0.4, 0.7),
    transition_plans=((3, 0.8),),
    small_l2=((1e-2, 1e-2),),
    sparsities=(0.6,),
    widths=(0.5,),
)
STUDIES = (
    *("lambda-grid", "nu-coefficient", "rank-at-error", "size-against-error"),
    *("transition-epoch", "joint-forms", "low-rank-or-sparse", "growing-ranks"),
)
# One of every kind, so that everything that a study does is done once.
_PLAIN = Stage1(0)
_FACTORS = Stage1(0, "trace_norm", 0.0, 1e-2)
_SPLIT = Stage1(0, "trace_norm", 1e-2, 0.0, joint="split", width=0.5, uniform=True)
_SPARSE = Stage1(0, "none", sparsity=0.6)
_CUT = Stage2(_FACTORS, budget=0.8)
RUNS = (
    *(_PLAIN, _FACTORS, _SPLIT, Stage1(0, "l2", 1e-2, 1e-2), _SPARSE, _CUT),
    Stage2(_SPLIT, explained_variance=0.9),
    TwoStages(Stage1(0, "l2", 1e-2, 1e-2), 3, 1, 0.8),
)
EXPORTS = (Deployed(_CUT), Deployed(_SPARSE))
_SOURCE = {"commit": "0", "dirty": False, "processor": "one"}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    corpus = synthesize_sentences(
        tmp_path_factory.mktemp("low-rank") / "corpus", train=48, validation=12, test=12
    )
    return {
        "data": corpus.path,
        "settings": TINY,
        # JAX is faster at training and slower at compiling, and these hardly train.
        "backend": "tensorflow",
        "processes": 1,
    }


@pytest.fixture(scope="module")
def pool(given: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Pool:
    return Pool(tmp_path_factory.mktemp("rows"), quick=True, **given)


@pytest.fixture(scope="module")
def found(pool: Pool) -> dict[Run, Row]:
    """Real rows, one of each kind of run."""
    rows = [*pool.rows(RUNS, "Models"), *pool.rows(EXPORTS, "Export")]
    return dict(zip((*RUNS, *EXPORTS), rows, strict=True))


@pytest.mark.long
def test_every_kind_of_run_is_done_once(pool: Pool, found: dict[Run, Row]) -> None:
    for run, row in found.items():
        assert {"commit", "dirty", "processor"} <= set(row)
        # The studies below are tested with rows that are made up.
        assert set(made_up(run)) <= set(row)
    plain, cut, sparse = found[_PLAIN], found[_CUT], found[_SPARSE]
    assert cut["params"] <= round(0.8 * plain["params"])
    assert 0.3 < sparse["zeros"] < 0.9 and plain["zeros"] < 0.1
    for run in EXPORTS:
        assert found[run]["bytes"] > found[run]["bytes_zipped"]
    store = pool.out / "low_rank.rows.jsonl"
    before = store.read_bytes()
    assert pool.rows(RUNS, "Models") == [found[run] for run in RUNS]
    assert store.read_bytes() == before


@pytest.mark.long
def test_finished_runs_are_a_table(
    pool: Pool, found: dict[Run, Row], given: dict[str, Any]
) -> None:
    result = load_study("low-rank-runs").run(pool.out, **given)
    assert [file.suffix for file in result.files] == [".csv", ".json"]
    names = {row["setting"] for row in result.rows}
    assert {"none", "l2-0.01-0.01", "trace_norm-0-0.01"} <= names
    assert not any(name.endswith("int8") for name in names)
    assert "none, 1 of 1 seeds: CER" in result.summary


@pytest.mark.long
def test_files_are_timed_in_one_process(pool: Pool, found: dict[Run, Row]) -> None:
    times = low_rank_or_sparse._times(pool.files, [_CUT.name, _SPARSE.name])
    assert set(times) == {_CUT.name, _SPARSE.name}
    for row in times.values():
        assert row["us_portable"] > 0 and row["us_fused"] > 0


def made_up(run: Any) -> Row:
    """A row of a run, with columns that real ones have."""
    rng = np.random.default_rng(list(run.name.encode()))
    name = {"run": run.name, "setting": run.setting}

    def shares(*names: str) -> Row:
        return {name: float(rng.uniform(0.1, 0.9)) for name in names}

    def sizes(*names: str) -> Row:
        return {name: int(rng.integers(1000, 9000)) for name in names}

    if isinstance(run, Deployed):
        errors = shares("cer_int8_validation", "cer_int8_test", "cer_float_test")
        return {**name, **errors, **sizes("bytes", "bytes_fused", "bytes_zipped")}
    start = run if isinstance(run, Stage1) else run.stage1
    later = {} if run is start else dict(vars(run))
    later.pop("stage1", None)
    matrices = [
        *(f"gru_{layer}/{kernel}" for layer in (1, 2) for kernel in ("kernel", "recurrent_kernel")),
        "dense/kernel",
    ]
    return {
        **name,
        **vars(start),
        **later,
        **sizes("params", "kernel_params"),
        **shares("cer_validation", "cer_test", "wer_test", "zeros", "seconds"),
        "curve": [float(value) for value in rng.uniform(0.1, 0.9, TINY.epochs)],
        "nu": {matrix: float(rng.uniform()) for matrix in matrices},
        "rank": {matrix: int(rng.integers(1, 9)) for matrix in matrices},
    }


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_writes_its_table_and_its_picture(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def rows(pool: RunPool, runs: Sequence[Any], label: str) -> list[Row]:
        asked.extend(runs)
        found = [made_up(run) for run in runs]
        pool._used.update((row["run"], {**row, **_SOURCE}) for row in found)
        return found

    def times(files: Any, names: list[str]) -> dict[str, Row]:
        return {name: {"us_portable": 3.0, "us_fused": 2.0} for name in names}

    monkeypatch.setattr(RunPool, "rows", rows)
    monkeypatch.setattr(low_rank_or_sparse, "_times", times)
    monkeypatch.setattr(Pool, "prepare", lambda self, data: "digest")
    result = load_study(name).run(tmp_path, settings=TINY, command="study", backend="tensorflow")
    assert [file.suffix for file in result.files][:3] == [".csv", ".json", ".png"]
    table = read_csv(result.files[0])
    assert len(table) == len(result.rows) > 0
    about = json.loads(result.files[1].read_text())
    assert about["seeds"] == [0] and about["data"]["corpus"] and about["claims"]
    # The rows of the models, each with where it comes from.
    assert {"commit", "dirty", "processor", "rows"} == set(about["rows_from"][0])
    assert "cer_test" in table[0] and "cer_validation" in table[0]
    for claim in about["claims"]:
        assert claim["claim"] in result.summary
    assert result.files[2].read_bytes().startswith(b"\x89PNG")
    if name == "low-rank-or-sparse":
        check_search(read_csv(result.files[3]), result.rows)


def check_search(searched: list[dict[str, str]], rows: Sequence[Row]) -> None:
    """Pruned and narrow models are chosen by their validation error."""
    sizes: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for row in searched:
        sizes.setdefault((row["family"], row["width"], row["sparsity"]), []).append(row)
    # The whole model, a narrow one and a pruned one, each without a regularizer and with l2.
    assert set(sizes) == {("narrow", "1", ""), ("narrow", "0.5", ""), ("sparse", "1", "0.6")}
    for own in sizes.values():
        assert [row["kind"] for row in own] == ["none", "l2"]
        (chosen,) = [row for row in own if row["chosen"] == "True"]
        assert float(chosen["cer_validation"]) == min(float(r["cer_validation"]) for r in own)
        assert chosen["params"] in {str(row["params"]) for row in rows}


@pytest.mark.long
def test_other_settings_do_not_mix(
    pool: Pool, found: dict[Run, Row], given: dict[str, Any]
) -> None:
    other = {**given, "settings": dataclasses.replace(TINY, epochs=4)}
    with pytest.raises(StudyError, match="settings"):
        load_study("lambda-grid").run(pool.out, **other)
