"""Parts of the low-rank studies that a run from end to end does not pin down."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tfpipeline.errors import TfpipelineError
from tfpipeline.studies.common.claims import mean
from tfpipeline.studies.common.provenance import origins
from tfpipeline.studies.common.rows import StudyError
from tfpipeline.studies.low_rank.grid import (
    alone_runs,
    best_runs,
    best_setting,
    grid_runs,
    middle_transition,
    on_the_edge,
    transition_epochs,
)
from tfpipeline.studies.low_rank.pool import Pool
from tfpipeline.studies.low_rank.runs import RunFiles, Stage1, Stage2, TwoStages
from tfpipeline.studies.low_rank.settings import FULL, QUICK, Settings
from tfpipeline.studies.speech.corpus import Utterances, prepare_corpus, read_corpus

BANDS = 40


def test_the_grid_has_every_pair_and_one_unregularized_model_a_seed() -> None:
    runs = grid_runs(QUICK)
    # 3 seeds of: none, 4 x 3 pairs of l2 without its corner, 3 x 5 of the trace norm with it.
    assert len(runs) == len({run.name for run in runs}) == 3 * (1 + 11 + 15)
    assert sum(run.kind == "none" for run in runs) == 3
    assert Stage1(2, "trace_norm", 0.0, 0.0) in runs
    alone = alone_runs(QUICK)
    assert all((run.nonrec == 0) != (run.rec == 0) for run in alone) and len(alone) == 12
    assert not {run.name for run in alone} & {run.name for run in runs}


def test_a_strength_that_the_grid_has_is_not_trained_again() -> None:
    settings = dataclasses.replace(QUICK, trace_norm_alone=(8e-3,), l2_alone=())
    # The grid has it for recurrent matrices only.
    assert {(run.nonrec, run.rec) for run in alone_runs(settings)} == {(8e-3, 0.0)}


def test_small_models_are_tried_with_strengths_of_the_grid() -> None:
    """So that the dense model at whose percentile pruning aims is there already."""
    for settings in (QUICK, FULL):
        pairs = {(run.nonrec, run.rec) for run in grid_runs(settings) if run.kind == "l2"}
        assert settings.small_l2 and set(settings.small_l2) <= pairs


def test_a_best_pair_on_the_edge_of_its_grid_is_named() -> None:
    def best(kind: str, nonrec: float, rec: float) -> list[str]:
        return on_the_edge({"kind": kind, "nonrec": nonrec, "rec": rec}, QUICK)

    assert best("trace_norm", 5e-4, 3.2e-2) == ["rec"] and best("trace_norm", 5e-4, 8e-3) == []
    assert best("l2", 8e-2, 2e-2) == ["nonrec", "rec"]
    # 0 is no edge: nothing lies beyond it.
    assert best("l2", 0.0, 5e-3) == [] and best("none", 0.0, 0.0) == []


def test_the_best_setting_has_the_lowest_mean_and_not_the_lowest_run() -> None:
    def row(seed: int, rec: float, cer: float) -> dict[str, object]:
        run = Stage1(seed, "l2", 0.0, rec)
        return {**dataclasses.asdict(run), "setting": run.setting, "cer_validation": cer}

    rows = [row(0, 0.1, 0.10), row(1, 0.1, 0.40), row(0, 0.2, 0.20), row(1, 0.2, 0.21)]
    rows += [{**row(0, 0.3, 0.01), "kind": "trace_norm"}]
    assert best_setting(rows, "l2")["rec"] == 0.2
    settings = dataclasses.replace(QUICK, seeds=(0, 1))
    assert best_runs(rows, "l2", settings) == [Stage1(s, "l2", 0.0, 0.2) for s in (0, 1)]


def test_a_mean_takes_the_rows_that_were_asked_for() -> None:
    rows = [{"a": 1, "x": 2.0}, {"a": 1, "x": 4.0}, {"a": 2, "x": 9.0}]
    assert mean(rows, "x", a=1) == 3.0 and mean(rows, "x") == 5.0


def test_names_tell_runs_apart() -> None:
    start = Stage1(0, "l2", 0.1, 0.2)
    runs = [
        *(start, dataclasses.replace(start, width=0.5), dataclasses.replace(start, uniform=True)),
        *(dataclasses.replace(start, joint="split"), dataclasses.replace(start, seed=1)),
        *(dataclasses.replace(start, sparsity=0.5), dataclasses.replace(start, kind="none")),
        *(Stage2(start, budget=0.5), Stage2(start, explained_variance=0.5)),
        *(TwoStages(start, 20, 8, 0.5), TwoStages(start, 40, 8, 0.5), TwoStages(start, 20, 4, 0.5)),
        TwoStages(start, 20, 8, 0.25),
        # Strengths, sizes and shares that six digits do not tell apart.
        *(dataclasses.replace(start, rec=0.2000001), dataclasses.replace(start, nonrec=1e-1 / 3)),
        *(dataclasses.replace(start, nonrec=0.0333333), Stage2(start, budget=0.5000001)),
        *(dataclasses.replace(start, width=0.5000001), Stage2(start, explained_variance=0.5000001)),
        *(dataclasses.replace(start, sparsity=0.5000001), TwoStages(start, 20, 8, 0.2500001)),
    ]
    assert len({run.name for run in runs}) == len({run.setting for run in runs}) + 1 == len(runs)


def test_names_of_runs_stay_as_they_were() -> None:
    """Folders with finished runs are read by name."""
    start = Stage1(1, "trace_norm", 5e-4, 2e-3)
    assert start.name == "trace_norm-0.0005-0.002-seed1"
    assert Stage1(0, sparsity=0.6).name == "none-sparse0.6-seed0"
    assert TwoStages(start, 20, 8, 0.5).setting.endswith("-budget0.5-transition8of20")
    assert Stage1(0, "l2", 1e-5, 0.0).setting == "l2-1e-05-0"


def test_rows_say_where_they_come_from() -> None:
    rows = [{"commit": "a", "dirty": False, "processor": "x"}] * 2
    rows += [{"commit": "b", "dirty": False, "processor": "x"}, {}]
    found = origins(rows)
    assert [one["rows"] for one in found] == [2, 1, 1]
    assert found[0]["commit"] == "a" and found[2]["commit"] is None


@pytest.mark.parametrize("settings", [QUICK, FULL])
def test_both_stages_have_an_epoch(settings: Settings) -> None:
    for epochs in (2, 3, settings.epochs):
        found = transition_epochs(settings, epochs)
        assert all(1 <= epoch < epochs for epoch in found) and found == tuple(sorted(found))
        assert middle_transition(settings, epochs) in found
    assert transition_epochs(QUICK, 20) == (4, 8, 14)


def write_corpus(path: Path, texts: list[str], frames: list[int]) -> None:
    arrays: dict[str, np.ndarray] = {}
    for split in ("train", "validation", "test"):
        arrays[f"{split}_features"] = np.ones((len(texts), max(frames), BANDS), np.float32)
        arrays[f"{split}_frames"] = np.asarray(frames)
        arrays[f"{split}_texts"] = np.asarray(texts)
    np.savez(path, **arrays)  # type: ignore[arg-type]


def test_utterances_that_outrun_the_model_are_left_out(tmp_path: Path) -> None:
    settings = dataclasses.replace(QUICK, batch_size=2)
    # 8 frames make 2 outputs, and 3 after the end count too: 5 are enough for "abcde", and not for
    # "aabcd", which needs a blank between its two equal letters.
    texts = ["abcde", "aabcd", "a", "b", "abcdef"]
    write_corpus(tmp_path / "corpus.npz", texts, [8, 8, 8, 8, 60])
    splits = read_corpus(tmp_path / "corpus.npz", settings)
    assert splits["validation"].texts == ("abcde", "a", "b", "abcdef")
    assert splits["train"].texts == ("abcde", "a", "b", "abcdef")
    odd = read_corpus(tmp_path / "corpus.npz", dataclasses.replace(settings, batch_size=3))
    assert odd["train"].texts == ("abcde", "a", "b")
    assert odd["test"].features.shape == (4, 60, BANDS)


def test_a_corpus_of_which_nothing_fits_is_named(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus.npz", ["far too long for this"], [8])
    with pytest.raises(StudyError, match="the train split has no utterance"):
        read_corpus(tmp_path / "corpus.npz", dataclasses.replace(QUICK, batch_size=1))


def test_a_folder_keeps_the_corpus_it_began_with(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus.npz", ["a"], [8])
    (tmp_path / "corpus.source.txt").write_text(str(tmp_path / "mine"))
    assert prepare_corpus(tmp_path, QUICK, tmp_path / "mine") == tmp_path / "corpus.npz"
    with pytest.raises(StudyError, match="choose another folder with --out"):
        prepare_corpus(tmp_path, QUICK, None)


def test_a_diverged_model_hears_nothing() -> None:
    from tfpipeline.studies.speech.transcripts import transcribe

    class Diverged:
        """Says "a" of the first utterance, as far as it gives numbers."""

        def predict_on_batch(self, features: np.ndarray) -> np.ndarray:
            logits = np.full((len(features), 2, 29), np.nan, np.float32)
            logits[0, 0] = 0.0
            logits[0, 0, 2] = np.inf
            return logits

    some = Utterances(np.zeros((2, 8, BANDS), np.float32), np.asarray([2, 2]), ("a", "b"))
    assert transcribe(Diverged(), some) == ["a", ""]  # type: ignore[arg-type]


def test_a_model_that_was_taken_away_is_named(tmp_path: Path) -> None:
    files = RunFiles(tmp_path, QUICK)
    with pytest.raises(StudyError, match="has the row of the run 'none-seed0', and not its model"):
        files.trained("none-seed0")
    files.model("none-seed0").parent.mkdir()
    files.model("none-seed0").write_bytes(b"")
    assert files.trained("none-seed0") == files.model("none-seed0")


def test_a_missing_package_is_named_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfpipeline.extras.find_spec", lambda name: name != "jax" or None)
    out = tmp_path / "out"
    with pytest.raises(TfpipelineError, match=r"needs jax.*tfpipeline\[studies"):
        Pool(out, quick=True, data=None, processes=1, backend="jax")
    assert not out.exists()


def test_the_rate_rises_for_an_epoch_and_falls_along_a_cosine() -> None:
    from tfpipeline.studies.speech.training import rates as rates_of

    settings = dataclasses.replace(QUICK, batch_size=4, last_rate=0.1)
    corpus = {"train": Utterances(np.zeros((40, 1, 1), np.float32), np.ones(40), ("a",) * 40)}
    rates = rates_of(corpus, settings, 1.0, epochs=5, warm_up=1)
    at = [float(rates(step)) for step in (0, 5, 10, 30, 50, 99)]
    np.testing.assert_allclose(at, [0.0, 0.5, 1.0, 0.55, 0.1, 0.1], atol=1e-6)
    flat = rates_of(corpus, settings, 1.0, epochs=5, warm_up=0)
    assert float(flat(0)) == 1.0
