"""Models that listen to recordings: the same scores however they are fed, and what is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_model import LABELS, Exported

from tfpipeline.cli import main as cli
from tfpipeline.data import DataError, LabelledInterval, read_wav, write_wav
from tfpipeline.detection import CutoffSweep
from tfpipeline.recipes.open_scores import open_scores
from tfpipeline.recipes.run_inputs import RunError
from tfpipeline.recipes.stream_evaluation import StreamSettings, evaluate_stream
from tfpipeline.recipes.stream_recordings import open_recordings
from tfpipeline.runtime import Interpreter, Streamer

pytestmark = pytest.mark.slow
LOUD = 0.1


def noise(seconds: float, seed: int) -> np.ndarray:
    """Noise whose colour changes, so that scores change."""
    rng = np.random.default_rng(seed)
    audio = rng.normal(0, LOUD, round(16000 * seconds))
    return np.clip(audio * (1.2 + np.sin(np.arange(len(audio)) / 1700)), -1, 1).astype(np.float32)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for number, name in enumerate(("test", "validation")):
        folder = tmp_path_factory.mktemp(name)
        write_wav(folder / "a.wav", noise(7.0, number))
        write_wav(folder / "b.wav", noise(3.0, 10 + number))
        (folder / "a.txt").write_text("1.0\t1.5\tyes\n2.5\t3.0\tno\n4\t4.4\tmaybe\n5.0\t5.5\tup\n")
        found[name] = folder
    return found


@pytest.fixture(scope="module")
def keras_file(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keras") / "model.keras"
    exported.model.save(path)
    return path


def parts(audio: np.ndarray) -> list[np.ndarray]:
    return np.split(audio, [100, 9000, 9003, 40000])


def test_a_keras_model_says_at_each_frame_what_it_says_of_the_sequence(
    exported: Exported, keras_file: Path
) -> None:
    card = exported.report.portable.with_suffix(".card.json")
    listens = open_scores(keras_file, card=card)
    assert (listens.kind, listens.rows.labels, listens.rows.scores) == ("keras", LABELS, "logits")
    audio = noise(3.0, 5)
    for _ in range(2):
        listens.reset()
        found = np.concatenate([listens.process(part) for part in parts(audio)])
        features = listens.front_end(audio)
        assert len(found) == len(features)
        for end in (1, 24, 117, len(features)):
            expected = exported.model.predict(features[None, :end], verbose=0)[0]
            # Float sums in another order.
            np.testing.assert_allclose(found[end - 1], expected, atol=1e-4)


def test_a_whole_model_is_run_on_windows(exported: Exported) -> None:
    listens = open_scores(exported.report.portable, hop_seconds=0.07)
    interpreter = Interpreter(exported.report.portable)
    frames = interpreter.input_shape[1]
    assert listens.rows.frame_seconds == pytest.approx(0.07)
    assert listens.rows.first_frame_seconds == pytest.approx(0.025 + 0.01 * (frames - 1))
    audio = noise(2.0, 6)
    found = np.concatenate([listens.process(part) for part in parts(audio)])
    features = listens.front_end(audio)
    starts = range(0, len(features) - frames + 1, 7)
    expected = interpreter.predict(np.stack([features[i : i + frames] for i in starts]))
    np.testing.assert_array_equal(found, expected)


def test_a_stream_is_evaluated_as_its_scores_are(
    exported: Exported, folders: dict[str, Path]
) -> None:
    settings = StreamSettings(window=0.05, refractory=0.3, tolerance=0.2, cutoff=0.47)
    found = evaluate_stream(exported.report.stream_fused, folders["test"], settings=settings)
    streamer = Streamer(exported.report.stream_fused)
    sweep = CutoffSweep(LABELS, [0.47], 5, 0.3, "logits", 0.2, 0.01, 0.025)
    spoken = [LabelledInterval(start, start + 0.5, label)
              for start, label in ((1.0, "yes"), (2.5, "no"), (5.0, "up"))]  # fmt: skip
    for name, words in (("a.wav", spoken), ("b.wav", [])):
        audio = read_wav(folders["test"] / name)
        streamer.reset()
        sweep.begin(words)
        sweep.process(streamer.process_audio(audio))
        sweep.end(len(audio) / 16000)
    expected = sweep.curve().at(0.47)
    assert found.reported == expected and expected.words == 3
    assert expected.misses + expected.false_alarms > 0
    assert found.recordings[0] == {"file": "a.wav", "seconds": 7.0, "words": 3, "other_labels": 1}
    assert set(found.by_word()) == set(LABELS)
    results = found.to_dict()
    assert json.loads(json.dumps(results)) == results


def test_the_cutoff_is_chosen_on_validation_and_reported_on_the_others(
    exported: Exported, folders: dict[str, Path]
) -> None:
    settings = StreamSettings(most_false_alarms=1000.0, tolerance=0.5)
    model = exported.report.stream_portable
    found = evaluate_stream(model, folders["test"], folders["validation"], settings)
    assert found.validation is not None and found.chosen is not None
    assert found.chosen == found.validation.operating_point(1000.0)
    assert found.reported == found.test.at(found.chosen.cutoff)
    alone = evaluate_stream(model, folders["test"], settings=settings)
    assert alone.chosen is None and alone.reported is None and not alone.by_word()
    np.testing.assert_array_equal(alone.test.hits, found.test.hits)


def test_the_command_writes_results_and_a_curve(
    exported: Exported,
    folders: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = [
        *("evaluate-stream", str(exported.report.stream_portable), str(folders["test"])),
        *("--validation", str(folders["validation"]), "--out", str(tmp_path)),
    ]
    assert cli.main([*command, "--false-alarms", "2000"]) == 0
    captured = capsys.readouterr()
    assert "chosen on validation" in captured.out and "an hour" in captured.out
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["operating_point"]["cutoff"] == results["chosen_on_validation"]["cutoff"]
    assert (tmp_path / "curve.svg").read_text().startswith("<svg")
    assert cli.main([*command[:3], "--json"]) == 0
    alone = json.loads(capsys.readouterr().out)
    assert alone["curve"] == results["curve"] and alone["operating_point"] is None


def test_no_cutoff_within_the_limit_is_said(
    exported: Exported, folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    # Each pause between two words of the model is far shorter than an hour.
    arguments = [str(exported.report.stream_portable), str(folders["test"])]
    options = ["--cutoff", "0.34", "--window", "0.01", "--refractory", "0"]
    assert cli.main(["evaluate-stream", *arguments, *options]) == 0
    assert "cutoff 0.34, as given" in capsys.readouterr().out


def test_a_model_that_cannot_be_fed_as_a_stream_is_refused(
    exported: Exported, tmp_path: Path
) -> None:
    L = keras.layers
    card = exported.report.portable.with_suffix(".card.json")
    models: dict[str, Any] = {
        "both directions": [L.Bidirectional(L.GRU(4)), L.Dense(3)],
        "no recurrent layer": [L.GlobalAveragePooling1D(), L.Dense(3)],
        "the mean": [L.GRU(4, return_sequences=True), L.GlobalAveragePooling1D(), L.Dense(3)],
    }
    for name, layers in models.items():
        keras.Sequential([keras.Input((None, 40)), *layers]).save(tmp_path / f"{name}.keras")
        with pytest.raises(RunError, match="stream|every frame"):
            open_scores(tmp_path / f"{name}.keras", card=card)


def test_what_is_missing_is_named(
    exported: Exported, keras_file: Path, folders: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="--card"):
        open_scores(keras_file)
    with pytest.raises(RunError, match=r"no file .*gone\.card\.json"):
        open_scores(keras_file, card=tmp_path / "gone.card.json")
    (tmp_path / "bad.card.json").write_text("{}")
    with pytest.raises(RunError, match="bad.card.json has a model card without"):
        open_scores(keras_file, card=tmp_path / "bad.card.json")
    with pytest.raises(RunError, match="card of its own"):
        open_scores(exported.report.portable, card=tmp_path / "bad.card.json")
    for name in ("window", "hop"):
        with pytest.raises(ValueError, match=f"`{name}`"):
            StreamSettings(**{name: 0})
    with pytest.raises(ValueError, match="`cutoff`"):
        StreamSettings(cutoff=2)


def test_recordings_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    def problem(**files: str | None) -> str:
        folder = tmp_path / f"case{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        for name, text in files.items():
            stem, suffix = name.rsplit("_", 1)
            path = folder / f"{stem}.{suffix}"
            if text is None:
                write_wav(path, np.zeros(16000, np.int16))
            else:
                path.write_text(text)
        with pytest.raises(DataError) as caught:
            open_recordings(folder, 16000, LABELS)
        return str(caught.value)

    assert "no WAV file" in problem(readme_txt="")
    assert "has no recording b.wav" in problem(a_wav=None, b_txt="")
    assert "ends after 1 s" in problem(a_wav=None, a_txt="0.5\t1.2\tyes\n")
    assert "the model can find none" in problem(a_wav=None, a_txt="0.5\t0.6\tYes\n")
    with pytest.raises(DataError, match="no such folder"):
        open_recordings(tmp_path / "gone", 16000, LABELS)


def test_the_model_of_a_card_is_trained_on_recordings(
    exported: Exported,
    keras_file: Path,
    folders: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    card, out = exported.report.portable.with_suffix(".card.json"), tmp_path / "stream.keras"
    command = ["train-stream", str(keras_file), str(folders["test"]), "--card", str(card)]
    command += ["--validation", str(folders["validation"]), "--out", str(out)]
    command += ["--epochs", "2", "--lanes", "2", "--background", "up", "--hold", "0.2"]
    assert cli.main(command) == 0
    trained = keras.saving.load_model(out, compile=False)
    before, after = exported.model.get_weights(), trained.get_weights()
    # The same model, and trained.
    assert [weight.shape for weight in before] == [weight.shape for weight in after]
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    # It listens as any other.
    assert open_scores(out, card=card).process(noise(1.0, 3)).shape == (98, 3)
    capsys.readouterr()

    nameless = json.loads(card.read_text())
    (tmp_path / "nameless.card.json").write_text(json.dumps({**nameless, "labels": None}))
    command[command.index(str(card))] = str(tmp_path / "nameless.card.json")
    assert cli.main(command) == 1
    assert "names no labels; export the model with labels" in capsys.readouterr().err
    command[command.index("--background") + 1] = "noise"
    command[command.index("--card") + 1] = str(card)
    assert cli.main(command) == 1
    assert "`background` must be one of yes, no, up; received 'noise'" in capsys.readouterr().err
    (tmp_path / "other.card.json").write_text(
        json.dumps({**nameless, "labels": ["yes", "no", "up", "down"]})
    )
    command[command.index("--card") + 1] = str(tmp_path / "other.card.json")
    command[command.index("--background") + 1] = "up"
    assert cli.main(command) == 1
    assert "has 3 scores, and" in capsys.readouterr().err
