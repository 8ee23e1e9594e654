"""The main job on a small folder of a user's own speech, and its verbs one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tfpipeline.cli.main import main
from tfpipeline.data import synthesize_corpus
from tfpipeline.recipes import DemoConfig, run_demo

pytestmark = pytest.mark.slow

# Hardly trained, the model is undecided about many clips.
UNDECIDED = 0.5


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    corpus = tmp_path_factory.mktemp("speech") / "corpus"
    synthesize_corpus(corpus, seed=5, train_clips=120, validation_clips=40, test_clips=40)
    return corpus


@pytest.fixture(scope="module")
def finished(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("demo")
    config = DemoConfig(
        seed=5,
        quick=True,
        calibration_clips=40,
        verification_clips=20,
        agreement=UNDECIDED,
        rounds=3,
    )
    return out, run_demo(out, config, data=speech)


def test_every_promised_file_is_there_and_nothing_else(
    finished: tuple[Path, dict[str, Any]],
) -> None:
    out, _ = finished
    assert sorted(file.name for file in out.iterdir()) == [
        "kws.card.json",
        "kws.fused.card.json",
        "kws.fused.tflite",
        "kws.report.json",
        "kws.stream.card.json",
        "kws.stream.fused.card.json",
        "kws.stream.fused.tflite",
        "kws.stream.tflite",
        "kws.tflite",
        "report.html",
        "results.json",
        "stage1.keras",
        "stage2.keras",
        "stock.stream.tflite",
        "stock.tflite",
    ]


def test_the_results_hold_what_was_agreed(finished: tuple[Path, dict[str, Any]]) -> None:
    out, results = finished
    assert json.loads((out / "results.json").read_text(encoding="utf-8")) == results
    names = [form["name"] for form in results["forms"]]
    assert names == ["float stage 1", "float stage 2", "portable int8", "fused int8"]
    streamed = {form["name"]: form["streamed_accuracy"] for form in results["forms"]}
    assert all(0 <= share <= 1 for share in streamed.values())
    # The files, frame by frame, are the model, clip by clip; a few near ties are decided otherwise.
    assert abs(streamed["portable int8"] - streamed["float stage 2"]) <= 0.2
    assert results["seed"] == 5
    assert {"commit", "dirty", "machine", "versions"} <= set(results)
    assert results["data"]["source"] == "corpus"
    assert results["data"]["voices"] is None
    assert results["data"]["counts"]["train"] > 100
    clips = sum(map(sum, results["confusion"]["matrix"]))
    assert clips == results["data"]["counts"]["test"]
    for matrix in results["singular_values"]:
        assert len(matrix["after"]) == matrix["rank_after"] <= len(matrix["before"])
        assert matrix["after"] == sorted(matrix["after"], reverse=True)
    for row in results["latency"]:
        assert 0 < row["us_per_utterance"]["min"] <= row["us_per_utterance"]["median"]
        assert row["us_per_frame"]["median"] < row["us_per_utterance"]["median"]
    streamed = [form["streaming_equals_whole"] for form in results["verification"]["forms"]]
    assert streamed == [None, None, True, True]


def test_the_forms_shrink_along_the_road(finished: tuple[Path, dict[str, Any]]) -> None:
    _, results = finished
    stage1, stage2, portable, fused = results["forms"]
    assert stage2["parameters"] < stage1["parameters"]
    assert stage2["kernel_share_of_dense"] < stage1["kernel_share_of_dense"]
    assert fused["bytes"] < portable["bytes"]
    assert fused["parameters"] == stage2["parameters"]


def test_the_single_verbs_walk_the_same_road(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(speech), "--seed", "5"]
    stage1, stage2, kws = (str(tmp_path / n) for n in ("s1.keras", "s2.keras", "kws.tflite"))
    agreement = ["--agreement", str(UNDECIDED)]
    fused = str(tmp_path / "kws.fused.tflite")

    assert main(["train", *data, "--out", stage1, "--quick", "--rolling"]) == 0
    assert main(["compress", stage1, *data, "--out", stage2, "--quick", "--rank", "6"]) == 0
    assert main(["export", stage2, *data, "--out", kws, *agreement]) == 0
    capsys.readouterr()
    assert main(["verify", kws, fused, "--model", stage2, *data, *agreement, "--json"]) == 0
    assert [form["name"] for form in json.loads(capsys.readouterr().out)] == ["portable", "fused"]
    clip = next(speech.glob("yes/*.wav"))
    assert main(["run", str(clip), "--model", fused, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 98
