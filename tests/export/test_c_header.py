"""`write_c_header`: Keras models in, headers out, compiled and compared with Keras."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from compiled import SANITIZE, compiler
from small_model import FEATURES, LABELS, clear, settle, walk

import tfpipeline as tp
from tfpipeline.export import (
    CHeaderReport,
    ExportError,
    Tolerances,
    VerificationError,
    write_c_header,
)
from tfpipeline.export.header_refusal import refuse_header
from tfpipeline.export.trace.header_layers import header_layers
from tfpipeline.layers import UGRNN, FactoredDense, FastGRNN, FastRNN

pytestmark = pytest.mark.slow

PIECEWISE = {"activation": "quant_tanh", "recurrent_activation": "quant_sigmoid"}

_PROGRAM = """
#include <stdio.h>
#include "kws.h"

int main(void) {
  static kws_state state;
  int16_t x[KWS_FEATURES];
  int t, steps, i, number;
  while (scanf("%d", &steps) == 1) {
    int32_t scores[KWS_CLASSES];
    kws_reset(&state);
    for (t = 0; t < steps; ++t) {
      int16_t given[KWS_FEATURES];
      for (i = 0; i < KWS_FEATURES; ++i) {
        if (scanf("%d", &number) != 1) return 1;
        given[i] = (int16_t)number;
      }
#ifdef KWS_RAW_BITS
      kws_scale(given, x);
#else
      for (i = 0; i < KWS_FEATURES; ++i) x[i] = given[i];
#endif
      kws_step(&state, x);
    }
    kws_scores(&state, scores);
    printf("%u", kws_best(scores));
    for (i = 0; i < KWS_CLASSES; ++i) printf(" %ld", (long)scores[i]);
    printf("\\n");
  }
  return 0;
}
"""


def run_header(header: Path, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes and the scores, in float, that the compiled header gives to samples."""
    text, folder = header.read_text(), header.parent
    (folder / "main.c").write_text(_PROGRAM)
    program = folder / "program"
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", *SANITIZE]
    command = [compiler("gcc", "cc"), *flags, str(folder / "main.c"), "-o", str(program)]
    subprocess.run(command, check=True)

    def macro(name: str) -> int | None:
        found = re.search(rf"#define KWS_{name} (-?\d+)", text)
        return None if found is None else int(found.group(1))

    bits = macro("X_BITS") if macro("RAW_BITS") is None else macro("RAW_BITS")
    assert bits is not None
    # As the comment at the top says.
    x = np.clip(np.rint(samples.astype(np.float64) * 2.0**bits), -32768, 32767).astype(int)
    lines = [f"{len(one)} {' '.join(map(str, one.ravel()))}" for one in x]
    done = subprocess.run(
        [str(program)], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    numbers = np.array([line.split() for line in done.stdout.splitlines()], np.int64)
    unit = re.search(r"stands for itself over ([\d.e+]+)\.", text)
    assert unit is not None
    return numbers[:, 0], numbers[:, 1:] / float(unit.group(1))


def chain(*layers: Any, functional: bool = False, frames: int | None = None) -> keras.Model:
    if not functional:
        return settle(keras.Sequential([keras.Input((frames, FEATURES)), *layers]), seed=3)
    inputs = outputs = keras.Input((frames, FEATURES))
    for layer in layers:
        outputs = layer(outputs)
    return settle(keras.Model(inputs, outputs), seed=3)


def classifier(**options: Any) -> keras.layers.Layer:
    return keras.layers.Dense(len(LABELS), **options)


def fast(kind: Any = FastGRNN, units: int = 12, **options: Any) -> keras.layers.Layer:
    functions = PIECEWISE if kind is FastGRNN else {"activation": "quant_tanh"}
    return kind(units, **{**functions, **options})


def normalization() -> keras.layers.Layer:
    rng = np.random.default_rng(1)
    mean, variance = rng.normal(size=FEATURES), rng.uniform(0.5, 4.0, FEATURES)
    return keras.layers.Normalization(mean=mean, variance=variance)


#: Each kind of chain: the model, and what Keras puts out as logits.
MODELS: dict[str, Any] = {
    "grnn": lambda: chain(fast(), classifier()),
    "rnn, low rank": lambda: chain(fast(FastRNN, rank=4), classifier(use_bias=False)),
    "functional, softmax": lambda: chain(
        fast(rank=6, recurrent_rank=4), classifier(), keras.layers.Softmax(), functional=True
    ),
    "normalized, dropout": lambda: chain(
        normalization(), fast(h_clip=1.0), keras.layers.Dropout(0.5), classifier(), frames=24
    ),
    "nested, factored": lambda: chain(
        keras.Sequential([keras.Input((None, FEATURES)), fast(units=9)]),
        FactoredDense(len(LABELS), rank=2, activation="softmax"),
    ),
    "stateful": lambda: stateful(),
}


def stateful() -> keras.Model:
    inputs = keras.Input((None, FEATURES), batch_size=1)
    outputs = classifier(activation="sigmoid")(fast(stateful=True)(inputs))
    return settle(keras.Model(inputs, outputs), seed=3)


def logits_of(model: keras.Model, samples: np.ndarray) -> np.ndarray:
    if any(getattr(layer, "stateful", False) for layer in model.layers):
        outputs = np.concatenate([from_fresh_states(model, one) for one in samples[:, None]])
    else:
        outputs = model.predict(samples, verbose=0)
    if outputs.min() >= 0 and outputs.max() <= 1:
        total = 1 - outputs if np.abs(outputs.sum(axis=1) - 1).max() > 1e-3 else 1
        return np.log(outputs / total)
    return outputs


def from_fresh_states(model: keras.Model, sample: np.ndarray) -> np.ndarray:
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_state()
    return model.predict_on_batch(sample)


@pytest.mark.parametrize("kind", MODELS)
def test_the_compiled_header_decides_as_keras(kind: str, tmp_path: Path) -> None:
    model = MODELS[kind]()
    samples = walk(40, seed=5)
    report = write_c_header(
        model, tmp_path / "kws.h", calibration=walk(80), verification=samples, labels=LABELS
    )
    assert isinstance(report, CHeaderReport)
    assert report.form.path == str(tmp_path / "kws.h") and report.agreement == 1.0
    best, scores = run_header(tmp_path / "kws.h", samples)
    exact = logits_of(model, samples)
    if exact.shape == scores.shape and "softmax" not in kind and "factored" not in kind:
        # The report has the error of logits, or of a sigmoid of them, which is a quarter at most.
        found, expected = scores, exact
        if kind == "stateful":
            found, expected = (1 / (1 + np.exp(-values)) for values in (scores, exact))
        assert np.abs(found - expected).max() == pytest.approx(report.max_error, rel=1e-3)
    margin = np.sort(exact, axis=1)
    far = margin[:, -1] - margin[:, -2] > 0.3 * exact.std()
    assert far.sum() > 20
    np.testing.assert_array_equal(best[far], exact.argmax(axis=1)[far])


def test_the_report_says_what_the_header_takes(tmp_path: Path) -> None:
    model = chain(fast(units=10, rank=5), classifier())
    report = write_c_header(model, tmp_path / "deep" / "my-kws.h", calibration=walk(80))
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {
        *("my-kws.h", "my-kws.h.report.json")
    }
    assert (report.name, report.streaming, report.raw_bits) == ("my_kws", False, None)
    # Two pairs of factors, two biases, the classifier and its bias: a byte each.
    numbers = 40 * 5 + 5 * 10 + 10 * 5 + 5 * 10 + 2 * 10 + 10 * 3 + 3
    assert report.table_bytes == report.form.bytes == numbers
    assert (report.state_bytes, report.stack_bytes) == (2 * 10, 4 * (10 + 10 + 5))
    assert report.layer == {
        **{"name": model.layers[0].name, "cell": "fast_grnn", "units": 10, "features": FEATURES},
        **{"classes": 3, "ranks": [5, 5], "weights": 350, "not_zero": report.layer["not_zero"]},
    }
    assert 300 < report.layer["not_zero"] <= 350
    assert report.calibration["samples"] == 60 and report.verification["samples"] == 20
    saved = (tmp_path / "deep" / "my-kws.h.report.json").read_text()
    assert saved == report.to_json()
    assert "20 verification samples" in str(report) and "RAM: 20 bytes" in str(report)


def test_sequences_of_outputs_are_compared_at_every_step(tmp_path: Path) -> None:
    model = chain(fast(return_sequences=True), classifier())
    report = write_c_header(model, tmp_path / "kws.h", calibration=walk(80), labels=LABELS)
    assert report.form.decisions == 20 * 24


def test_states_alone_need_no_classifier(tmp_path: Path) -> None:
    report = write_c_header(chain(fast()), tmp_path / "h.h", calibration=walk(80))
    assert report.agreement is None and report.form.relative_error < 0.1
    assert "h_scores" not in (tmp_path / "h.h").read_text()


def test_a_detector_finds_what_it_finds_in_keras(tmp_path: Path) -> None:
    model = chain(fast(h_clip=1.0), classifier(activation="softmax"))
    held_out = clear(model, walk(100, seed=2), 40)
    detector = tp.Detector(LABELS, 0.6, 5, refractory=0.2, scores="probabilities")
    sure = np.tile([0.0, 1.0, 0.0], (4, 1))
    assert not detector.process(sure[:2])
    report = write_c_header(
        model, tmp_path / "k.h", calibration=walk(80), verification=held_out, detector=detector
    )
    assert report.streaming and report.detector is not None and report.drift is not None
    assert report.detector.model > 10
    # The detector goes on where it was.
    assert [one.frame for one in detector.process(sure[:2])] == [3]
    assert report.detector.same >= 0.9 * max(report.detector.model, report.detector.header)
    text = (tmp_path / "k.h").read_text()
    assert "Classes: yes, no, up" in text and "k_detect(&d, s)" in text
    assert report.drift.output_last < 2 * report.drift.output_fresh + 0.05
    with pytest.raises(ExportError, match="scores='logits', and the model ends with .*'softmax'"):
        other = tp.Detector(LABELS)
        write_c_header(model, tmp_path / "l.h", calibration=walk(80), detector=other)


def test_a_stream_that_drifts_is_refused_where_it_shall_run_on(tmp_path: Path) -> None:
    model = chain(fast(), classifier())
    report = write_c_header(model, tmp_path / "kws.h", calibration=walk(80))
    drift = report.drift
    assert drift is not None and drift.frames == 240
    grown = replace(drift, output_fresh=0.01, output_last=0.9)
    clips, layers = replace(report, drift=grown), header_layers(model)
    refuse_header(clips, Tolerances(), layers, LABELS)
    with pytest.raises(
        VerificationError, match="drifts: .*; train layer .* with h_clip"
    ) as refused:
        refuse_header(replace(clips, streaming=True), Tolerances(), layers, LABELS)
    assert refused.value.report.drift == grown and refused.value.acceptable == {"drift": 92.0}


def other_models() -> dict[str, tuple[Any, str]]:
    branch = keras.Input((None, FEATURES))
    joined = keras.layers.Add()([fast()(branch), fast()(branch)])
    return {
        "gru": (chain(keras.layers.GRU(4)), "is a GRU, which C has no code for at its place"),
        "tanh": (chain(FastGRNN(4)), "cannot be a C header: `activation` must be 'quant_tanh'"),
        "ugrnn": (chain(UGRNN(4)), "a layer of cell 'ugrnn' has no step in integers alone"),
        "two": (chain(fast(return_sequences=True), fast()), "a FastGRNN, which C has no code for"),
        "dense first": (chain(classifier(), fast()), "is a Dense, which C has no code for"),
        "no layer": (chain(normalization()), "model has no recurrent layer; expected a chain"),
        "relu": (chain(fast(), classifier(activation="relu")), "has the activation 'relu'"),
        "branches": (keras.Model(branch, joined), "joins 2 tensors; expected a chain of"),
        "backwards": (chain(fast(go_backwards=True), classifier()), "has go_backwards=True"),
        "vector": (
            settle(chain(fast(FastRNN, vector_alpha=True), classifier()), seed=4),
            "an alpha for each unit",
        ),
    }


def test_models_out_of_reach_are_one_sentence(tmp_path: Path) -> None:
    for kind, (model, message) in other_models().items():
        if kind == "vector":
            model.layers[0].cell.alpha_logit.assign(np.linspace(-3, -1, 12))
        with pytest.raises(ExportError, match=re.escape(message)):
            write_c_header(model, tmp_path / "x.h", calibration=walk(8))
    assert not list(tmp_path.iterdir())


def test_arguments_out_of_range_are_one_sentence(tmp_path: Path) -> None:
    model, samples = chain(fast(), classifier()), walk(8)
    for options, message in (
        ({"path": "kws.c"}, "path must end in .h, received"),
        ({"path": 3}, "path must be the path of a .h file to write, received 3"),
        ({"name": "9a"}, "`name` must be one that C allows"),
        ({"labels": ["a"]}, "labels has 1 names, expected 3"),
        ({"labels": "abc"}, "labels must be a list of names"),
        ({"calibration": None}, "calibration is missing"),
        ({"calibration": samples[:, :, :3]}, "calibration must have the shape"),
        ({"tolerances": 3}, "tolerances must be Tolerances"),
        ({"detector": tp.Detector(("a", "b"))}, "has 2 labels, and the model 3 scores"),
    ):
        given = {"path": tmp_path / "kws.h", "calibration": samples, **options}
        with pytest.raises(ExportError, match=re.escape(message)):
            write_c_header(model, **given)
    with pytest.raises(
        VerificationError, match="all weights of layer .* share one scale, which the largest"
    ):
        tight = Tolerances(relative_error=1e-4)
        write_c_header(model, tmp_path / "kws.h", calibration=walk(80), tolerances=tight)
    assert not list(tmp_path.iterdir())
