"""One file through an exported model, in every way that it can be fed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_model import FEATURES, FRAMES, LABELS, Exported

from tfpipeline.data import write_wav
from tfpipeline.errors import TfpipelineError
from tfpipeline.features import LogMel
from tfpipeline.recipes import run_file, verify_files
from tfpipeline.recipes.run_inputs import RunError
from tfpipeline.runtime import Interpreter
from tfpipeline.runtime.scores import OutputScores

SAMPLES = 400 + 160 * (FRAMES - 1)


@pytest.mark.parametrize("length", [SAMPLES // 2, SAMPLES, SAMPLES + 1000])
def test_audio_is_padded_or_cut_to_the_model(
    length: int, exported: Exported, tmp_path: Path
) -> None:
    audio = np.random.default_rng(0).integers(-3000, 3000, length).astype(np.int16)
    write_wav(tmp_path / "clip.wav", audio)
    scores = run_file(exported.report.portable, tmp_path / "clip.wav")
    fitted = np.zeros(SAMPLES, np.int16)
    fitted[: min(length, SAMPLES)] = audio[:SAMPLES]
    raw = Interpreter(exported.report.portable).predict(LogMel()(fitted)[None])[0]
    expected = np.exp(raw - raw.max())
    np.testing.assert_array_equal(scores.probabilities, expected / expected.sum())
    assert scores.frames == FRAMES
    assert scores.labels == LABELS


@pytest.mark.parametrize("form", ["portable", "fused"])
def test_streamed_audio_equals_whole_audio(form: str, exported: Exported, tmp_path: Path) -> None:
    audio = np.random.default_rng(1).normal(0, 0.1, SAMPLES)
    write_wav(tmp_path / "clip.wav", audio)
    whole = run_file(getattr(exported.report, form), tmp_path / "clip.wav")
    streamed = run_file(
        getattr(exported.report, f"stream_{form}"), tmp_path / "clip.wav", stream=True
    )
    np.testing.assert_array_equal(whole.probabilities, streamed.probabilities)


def test_best_is_sorted_and_complete(exported: Exported, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", exported.held_out[0])
    scores = run_file(exported.report.fused, tmp_path / "x.npy")
    best = scores.best(10)
    assert sorted(label for label, _ in best) == sorted(LABELS)
    assert [p for _, p in best] == sorted((p for _, p in best), reverse=True)
    assert sum(p for _, p in best) == pytest.approx(1.0)
    assert scores.to_dict()["label"] == best[0][0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.mp3", b"ID3", "neither"),
        ("x.npy", b"not an array", "cannot be read"),
        ("x.npy", np.zeros((FRAMES, FEATURES - 1)), "expected numbers of the shape"),
        ("x.npy", np.zeros((FRAMES + 1, FEATURES)), "cut or pad"),
        ("x.npy", np.zeros(FEATURES), "expected numbers of the shape"),
    ],
)
def test_a_file_that_does_not_fit_is_named(
    name: str, content: bytes | np.ndarray, message: str, exported: Exported, tmp_path: Path
) -> None:
    file = tmp_path / name
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        np.save(file, content)
    with pytest.raises(RunError, match=message) as caught:
        run_file(exported.report.portable, file)
    assert name in str(caught.value)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Words and a vector in; classes, tags, a number and a picture of them out."""
    import keras

    from tfpipeline.export import Tolerances, export

    L = keras.layers
    keras.utils.set_random_seed(0)
    words = keras.Input((None,), name="words", dtype="int32")
    more = keras.Input((8,), name="more")
    x = L.Concatenate()([L.GRU(6)(L.Embedding(50, 5)(words)), L.Dense(4, activation="tanh")(more)])
    outputs = {
        "class": L.Dense(3, activation="softmax")(x),
        "tags": L.Dense(2, activation="sigmoid")(x),
        "level": L.Dense(1)(x),
        "table": L.Reshape((2, 3))(L.Dense(6, activation="relu")(x)),
    }
    model = keras.Model({"words": words, "more": more}, outputs)
    for weight in model.weights:
        if "bias" in weight.path:
            weight.assign(np.random.default_rng(1).normal(0, 0.3, weight.shape))
    rng = np.random.default_rng(0)
    samples = {
        "words": rng.integers(0, 50, (32, 12)).astype(np.int32),
        "more": rng.normal(size=(32, 8)).astype(np.float32),
    }
    path = tmp_path_factory.mktemp("mixed") / "mixed.tflite"
    report = export(model, path, calibration=samples, tolerances=Tolerances(0, 1, 9))
    return Exported(model, report, samples)  # type: ignore[arg-type]


def test_every_output_is_told_as_what_it_is(mixed: Exported, tmp_path: Path) -> None:
    sample = {name: values[3] for name, values in mixed.held_out.items()}  # type: ignore[attr-defined]
    np.savez(tmp_path / "x.npz", **sample)
    scores = run_file(mixed.report.portable, tmp_path / "x.npz")
    expected = Interpreter(mixed.report.portable).predict({k: v[None] for k, v in sample.items()})
    keras_says = mixed.model.predict({k: v[None] for k, v in sample.items()}, verbose=0)
    found = scores.to_dict()
    assert (scores.frames, found["frames"], found["left_over"]) == (12, 12, 0)
    for name, kind in (("class", "probabilities"), ("tags", "independent")):
        told = found["outputs"][name]
        assert told["kind"] == kind and "scores" not in told
        assert list(told["probabilities"].values()) == expected[name][0].tolist()
        np.testing.assert_allclose(
            list(told["probabilities"].values()), keras_says[name][0], atol=0.02
        )
    for name in ("level", "table"):
        told = found["outputs"][name]
        assert told["kind"] is None and "probabilities" not in told and "label" not in told
    assert found["outputs"]["level"]["scores"] == {"0": expected["level"][0, 0]}
    assert found["outputs"]["table"]["scores"] == expected["table"][0].tolist()


def test_arrays_without_names_are_in_the_order_of_the_model(
    mixed: Exported, tmp_path: Path
) -> None:
    entries = [entry["name"] for entry in Interpreter(mixed.report.portable).card["inputs"]]
    # A batch axis of 1 is no error, and a wider integer is none where it fits.
    values = [mixed.held_out[name][3:4] for name in entries]  # type: ignore[call-overload]
    np.savez(
        tmp_path / "x.npz", *[v.astype(np.int64) if v.dtype.kind == "i" else v for v in values]
    )
    np.savez(tmp_path / "y.npz", **{n: v[0] for n, v in zip(entries, values, strict=True)})
    one, other = (run_file(mixed.report.portable, tmp_path / f"{n}.npz") for n in "xy")
    assert one.to_dict() == other.to_dict()


def test_inputs_that_do_not_fit_are_named(mixed: Exported, tmp_path: Path) -> None:
    words, more = np.arange(12), np.zeros(8, np.float32)

    def message(**arrays: np.ndarray) -> str:
        np.savez(tmp_path / "x.npz", **arrays)
        with pytest.raises(TfpipelineError) as caught:
            run_file(mixed.report.portable, tmp_path / "x.npz")
        return str(caught.value)

    assert "expected the model's inputs 'more', 'words'" in message(words=words)
    assert "for 'more'; expected numbers of the shape (8,)" in message(words=words, more=more[:7])
    assert "for 'words'; expected numbers of the shape (frames,)" in message(
        words=np.array(["a"] * 12), more=more
    )
    assert "holds 11 frames, but" in message(words=words[:11], more=more)
    assert "words must hold whole numbers that fit int32" in message(words=words + 2**40, more=more)
    assert "words must hold whole numbers" in message(words=words + 0.5, more=more)
    assert "more contains NaN" in message(words=words, more=more * np.nan)
    # Beyond the embedding: the runtime's own words, in one line.
    assert "cannot run on this input" in message(words=words + 1000, more=more)
    np.save(tmp_path / "x.npy", words)
    with pytest.raises(RunError, match="holds one array, while the model has the inputs 'more', "):
        run_file(mixed.report.portable, tmp_path / "x.npy")


VECTOR = np.array([1.0, 3.0, 2.0], np.float32)
SOFTMAX = np.exp(VECTOR - 3) / np.exp(VECTOR - 3).sum()


@pytest.mark.parametrize(
    ("card", "values", "kind", "probabilities"),
    [
        ({"scores": "logits"}, VECTOR, "logits", SOFTMAX),
        ({"scores": "probabilities"}, VECTOR / 6, "probabilities", VECTOR / 6),
        ({"scores": "independent"}, VECTOR / 4, "independent", VECTOR / 4),
        ({"scores": "independent"}, VECTOR[:1] / 4, "independent", VECTOR[:1] / 4),
        ({"scores": None}, VECTOR, None, None),
        # A softmax of a single number is 1, whatever the number.
        ({"scores": "logits"}, VECTOR[:1], None, None),
        ({"scores": "logits"}, VECTOR.astype(np.int32), None, None),
        ({"scores": "logits"}, VECTOR[:, None], None, None),
        ({}, VECTOR, "unknown", None),
        ({}, VECTOR[:1], None, None),
        ({"scores": "of another version"}, VECTOR, "unknown", None),
    ],
)
def test_only_logits_get_a_softmax(
    card: dict[str, Any], values: np.ndarray, kind: str | None, probabilities: np.ndarray | None
) -> None:
    scores = OutputScores.of({"name": "y", **card}, None, values)
    assert scores.kind == kind
    if probabilities is None:
        assert scores.probabilities is None
    else:
        np.testing.assert_array_equal(scores.probabilities, probabilities)
    found = scores.to_dict()
    assert ("scores" in found) == (kind in (None, "unknown"))
    if kind == "unknown":
        # For whoever knows that they are logits.
        assert list(found["probabilities"].values()) == SOFTMAX.tolist() and found["kind"] is None


def test_labels_are_those_of_the_entries_or_numbers() -> None:
    def labels(*names: str) -> tuple[str, ...]:
        return OutputScores.of({"name": "y"}, names, VECTOR).labels

    assert labels("a", "b", "c") == ("a", "b", "c")
    assert labels("a", "b") == ("0", "1", "2")
    assert labels("a", "b", "a") == ("a [0]", "b [1]", "a [2]")


def test_a_file_of_both_is_streamed_when_asked(exported: Exported, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", exported.held_out[0])
    with pytest.raises(RunError, match="add --stream"):
        run_file(exported.report.stream_fused, tmp_path / "x.npy")
    with pytest.raises(RunError, match="leave --stream out"):
        run_file(exported.report.fused, tmp_path / "x.npy", stream=True)


def test_files_are_verified_again(exported: Exported) -> None:
    files = [exported.report.portable, exported.report.fused, exported.report.stream_fused]
    reports = verify_files(exported.model, files, exported.held_out)
    assert [report.name for report in reports] == ["portable", "fused", "stream fused"]
    assert [report.mean_error for report in reports] == [
        exported.report.form(report.name).mean_error for report in reports
    ]


def test_files_of_another_model_are_found_out(exported: Exported) -> None:
    import keras

    from tfpipeline.export import VerificationError

    keras.utils.set_random_seed(99)
    other = keras.Sequential(
        [keras.Input((None, FEATURES)), keras.layers.GRU(8), keras.layers.Dense(len(LABELS))]
    )
    with pytest.raises(VerificationError, match="portable"):
        verify_files(other, [exported.report.portable], exported.held_out)
