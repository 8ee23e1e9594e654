"""The low-rank studies from end to end, too small to say anything about the method."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tfpipeline.data import synthesize_sentences
from tfpipeline.studies import load_study
from tfpipeline.studies.common.rows import StudyError, read_csv
from tfpipeline.studies.low_rank.settings import Settings

pytestmark = pytest.mark.long

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


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("low-rank")
    corpus = synthesize_sentences(folder / "corpus", train=48, validation=12, test=12)
    return {
        "out": folder / "out",
        "data": corpus.path,
        "settings": TINY,
        # JAX is faster at training and slower at compiling, and these hardly train.
        "backend": "tensorflow",
        "processes": 1,
    }


# In this order: the first one trains what the others read.
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_writes_its_table_and_its_picture(name: str, given: dict[str, object]) -> None:
    result = load_study(name).run(**given, command="study")
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


def test_finished_runs_are_a_table(given: dict[str, object]) -> None:
    load_study("lambda-grid").run(**given)
    store = Path(str(given["out"])) / "low_rank.rows.jsonl"
    before = store.read_bytes()
    result = load_study("low-rank-runs").run(**given)
    assert store.read_bytes() == before
    assert [file.suffix for file in result.files] == [".csv", ".json"]
    names = {row["setting"] for row in result.rows}
    assert {"none", "l2-0.01-0.01", "trace_norm-0-0.01"} <= names
    assert not any(name.endswith("int8") for name in names)
    assert "none, 1 of 1 seeds: CER" in result.summary


def test_nothing_is_trained_twice(given: dict[str, object]) -> None:
    store = Path(str(given["out"])) / "low_rank.rows.jsonl"
    before = store.read_bytes()
    first = load_study("joint-forms").run(**given)
    assert store.read_bytes() == before
    again = load_study("joint-forms").run(**given)
    assert again.rows == first.rows


def test_cut_models_keep_their_budget(given: dict[str, object]) -> None:
    rows = load_study("size-against-error").run(**given).rows
    whole = load_study("lambda-grid").run(**given).rows
    plain = next(row for row in whole if row["kind"] == "none")
    assert all(row["params"] <= round(0.8 * plain["params"]) for row in rows)


def test_pruned_and_narrow_models_are_searched_by_validation_error(
    given: dict[str, object],
) -> None:
    result = load_study("low-rank-or-sparse").run(**given)
    searched = read_csv(result.files[3])
    sizes: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for row in searched:
        sizes.setdefault((row["family"], row["width"], row["sparsity"]), []).append(row)
    # The whole model, a narrow one and a pruned one, each without a regularizer and with l2.
    assert set(sizes) == {("narrow", "1", ""), ("narrow", "0.5", ""), ("sparse", "1", "0.6")}
    for rows in sizes.values():
        assert [row["kind"] for row in rows] == ["none", "l2"]
        (chosen,) = [row for row in rows if row["chosen"] == "True"]
        assert float(chosen["cer_validation"]) == min(float(r["cer_validation"]) for r in rows)
        assert chosen["params"] in {str(row["params"]) for row in result.rows}


def test_pruned_models_have_zeros(given: dict[str, object]) -> None:
    rows = load_study("low-rank-or-sparse").run(**given).rows
    sparse = [row for row in rows if row["family"] == "sparse"]
    assert all(0.3 < row["zeros"] < 0.9 for row in sparse)
    assert all(row["us_fused"] > 0 and row["bytes"] > row["bytes_zipped"] for row in rows)


def test_other_settings_do_not_mix(given: dict[str, object]) -> None:
    other = {**given, "settings": dataclasses.replace(TINY, epochs=4)}
    with pytest.raises(StudyError, match="settings"):
        load_study("lambda-grid").run(**other)
