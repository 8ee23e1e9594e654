"""`export`: a Keras model in, verified `.tflite` files out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras

from tfpipeline.export.choose.input_units import layers_that_lose_units
from tfpipeline.export.errors import ExportError
from tfpipeline.export.modes import FLOAT32
from tfpipeline.export.options import ExportOptions
from tfpipeline.export.pipeline import ExportRun, card_file
from tfpipeline.export.report import ExportReport
from tfpipeline.export.samples.sets import read_sets
from tfpipeline.export.samples.signature import ModelSignature
from tfpipeline.export.tokenizer.text_input import TextInput
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.trace.exportable import check_model, check_targets
from tfpipeline.export.trace.forked import refuse_forked
from tfpipeline.export.trace.names import check_names, parents_of_layers
from tfpipeline.export.trace.predictions import traced_once
from tfpipeline.export.trace.signature import fixed_frames, signature_of
from tfpipeline.export.work_folder import work_folder
from tfpipeline.export.write import model_card as cards
from tfpipeline.tokenization import TOKENIZER_METADATA


def export(
    model: keras.Model,
    path: str | Path,
    *,
    quantize: str = "int8",
    calibration: Any = None,
    streaming: bool | str = False,
    chunk: int = 1,
    state: str = "explicit",
    one_file: bool = False,
    length: str = "fixed",
    io: str = "float32",
    forms: Sequence[str] | None = None,
    overrides: Mapping[str, str] | None = None,
    clipping: str = "minmax",
    bias_correction: bool = False,
    per_channel: bool = True,
    block_sparse: bool = True,
    verification: Any = None,
    labels: Sequence[str] | None = None,
    tokenizer: Any = None,
    frontend: Mapping[str, Any] | None = None,
    tolerances: Tolerances | None = None,
    sensitivity: bool = False,
    metrics: Mapping[str, float] | None = None,
    description: str | None = None,
    license: str | None = None,
) -> ExportReport:
    """Export a Keras model to `.tflite` files and prove them equal to it.

    With `path="kws.tflite"` it writes `kws.tflite` (portable: builtin ops only, for any TensorFlow
    Lite runtime), `kws.fused.tflite` (recurrent and factored layers, embeddings as our ops, for any
    runtime with our plug-in) and `kws.report.json`; with `streaming=True` `kws.stream.tflite`,
    `kws.stream.fused.tflite` and `kws.stream.report.json`, which take `chunk` time steps a call and
    carry their states; with `streaming="both"` all of them, or with `one_file=True` both in
    `kws.tflite` and both in `kws.fused.tflite`. Each file has its model card inside, and beside it
    as `NAME.card.json`.

    Args:
        model: A Keras model. Recurrent layers: those of `tfpipeline.layers` and those of Keras that
            they are twins of, among any layers that the converter knows. Streaming needs a free
            time axis and layers that look back only.
        path: Where the portable form goes; ends in `.tflite`.
        quantize: Activations and weights: "int8" (both int8, per channel), "int16x8", "int8x4",
            "int8x2"; "float32", "float16"; or weights only: "dynamic" (int8), "int4", "int2" (for
            binary and ternary weights; others become int8).
        calibration: Model inputs `(samples, ...)`, float32 or integers: an array, or a dict or list
            of them for several inputs; a `tf.data.Dataset` or another iterable of batches, or a
            function that makes one, labels of `(x, y)` batches being ignored; the path of a `.npy`
            or `.npz` file (its keys are the names of inputs); or a folder of `.wav` files, with
            `frontend`. They set every scale, and the length of whole-sequence models; without
            quantized activations they may be missing. 256 are used, at even distances; of
            iterables and generators the first.
        streaming: False, True, or "both".
        chunk: Time steps of a call of a streaming model.
        state: "explicit": states are inputs and outputs; "internal": variables of the interpreter,
            which the signature "reset" clears.
        one_file: With `streaming="both"`: whole sequences and streams as two signatures of one
            file, "serving_default" and "step", which share their weights.
        length: "fixed", or "bounded": whole sequences may be shorter than the calibration samples,
            with their number of time steps as one more input, "length".
        io: "float32", or "int8" or "int16" as the activations: the type of inputs and outputs.
        forms: "portable", "fused" or both; by default both where there is a fused form.
        overrides: Mode by layer name, with `*` and `?`: `{"dense*": "float32", "gru": "int8x4"}`.
        clipping: How calibration ranges are chosen: "minmax", "percentile" or "mse"; or "compare",
            which tries all of them with and without bias correction, takes what is closest to
            Keras on calibration samples held back for that, and shows all in the report.
        bias_correction: Subtract from biases of dense layers the mean error that rounded weights
            make on the calibration data.
        per_channel: Give each output row of integer weights a scale of its own. With False, 8-bit
            matrices of dense layers and all those of our ops have one, which costs accuracy, and
            saves 12 bytes a row: much of a file of a few kilobytes. Our recurrent ops then store
            8-bit matrices without their zeros too, where that is smaller.
        block_sparse: In the fused form, leave out the 8x4 blocks of zeros of 8-bit weights where
            they are so many that kernels which skip them are faster: about 60 % of all blocks, 70 %
            where several vectors share a pass over the weights.
        verification: Held-out inputs of the same shape, from any such source; by default every
            fourth calibration sample, which is then held back from the calibration, or all where
            there are fewer than 64. Of an iterable or a folder at most 1000 are used.
        labels: Names of the entries of the last axis of a single output, for the model card.
        tokenizer: What makes the model's ids of text: an adapted `keras.layers.TextVectorization`,
            or a `tokenizers.Tokenizer` of words or word pieces. It travels in the files, for
            `tfpipeline.TextClassifier` and the C functions of the plug-in, and is compared with
            what was passed; what cannot be written down exactly is refused by name. Calibration and
            verification may then be lists of texts.
        frontend: `to_config()` of the features' `LogMel` or `MicroFrontend`, for the model card
            and folders of audio.
        tolerances: How far the files may be from Keras.
        sensitivity: Also measure what rounding each layer alone costs; takes a moment a layer.
        metrics: What was measured of the Keras model, for the model card:
            `{"test_accuracy": 0.98}`.
        description: What the model is for, in words, for the model card.
        license: Its licence, for the model card.

    Returns:
        The report, also written as JSON.

    Raises:
        ExportError: an argument, a layer or an op is not supported; the message names it.
        ConversionError: the TensorFlow Lite converter failed.
        VerificationError: a file would disagree with Keras; nothing is written. It has the report
            of all forms, and says what would help.
    """
    refuse_forked()
    check_model(model)
    check_names(model)
    layers = parents_of_layers(model)
    options = ExportOptions.check(
        path,
        layers,
        quantize=quantize,
        overrides=overrides or {},
        streaming=streaming,
        chunk=chunk,
        state=state,
        one_file=one_file,
        length=length,
        io=io,
        forms=forms,
        clipping=clipping,
        bias_correction=bias_correction,
        per_channel=per_channel,
        block_sparse=block_sparse,
    )
    if calibration is None:
        options = options.without_idle_forms(can_fuse=False)
        _needs_no_calibration(options, verification)
    text = None
    if tokenizer is not None:
        _check_whole_texts(options)
        text = TextInput(model, tokenizer, calibration, verification)
        calibration, verification = text.calibration, text.verification
    given = cards.given_part(options.target.stem, labels, frontend, metrics, description, license)
    signature, data = read_sets(
        partial(signature_of, model), calibration, verification, frontend, fixed_frames(model)
    )
    _check_labels(labels, signature)
    metadata = {}
    if text is not None:
        exported = text.export(signature, data.samples, options.bounded)
        given["tokenizer"] = exported.card
        metadata[TOKENIZER_METADATA] = exported.data
    if not isinstance(tolerances, Tolerances | None):
        raise ExportError(f"tolerances must be Tolerances(...), received {tolerances!r}")
    accepted = tolerances or Tolerances.for_mode(options.modes.modes())
    check_targets([*options.files(), *map(card_file, options.files()), options.report_path])
    lost = layers_that_lose_units(model, signature, data.samples, options.modes)
    if lost:
        _check_float_io(lost, options)
        options = options.with_float_layers(lost)
    with work_folder(options.target.parent) as work, traced_once():
        run = ExportRun(model, signature, options, data, accepted, work, lost, metadata)
        report = run.run(given, sensitivity)
        (work / options.report_path.name).write_text(report.to_json())
        models = list(dict.fromkeys(Path(form.path) for form in report.forms))
        for file in (*models, *map(card_file, models), options.report_path):
            os.replace(work / file.name, file)
    return report


def _check_float_io(lost: Mapping[str, str], options: ExportOptions) -> None:
    """With integers at the inputs a layer cannot stay in float32."""
    if options.io != FLOAT32:
        layer, reason = next(iter(lost.items()))
        raise ExportError(
            f"layer {layer!r} cannot read its input with one scale: {reason}; expected features of "
            f"one unit for io={options.io!r}, so divide each by its size before the model, or "
            "export with io='float32'"
        )


def _check_whole_texts(options: ExportOptions) -> None:
    if any(form.streaming for form in options.forms):
        raise ExportError(
            "tokenizer is for models of whole texts, received streaming: a stream takes ids as "
            "they come; export with streaming=False, or leave tokenizer out"
        )


def _needs_no_calibration(options: ExportOptions, verification: Any) -> None:
    if options.modes.needs_ranges or options.fuses:
        raise ExportError(
            f"calibration is missing: quantize={options.quantize!r} takes its scales from it; pass "
            "model inputs, for example calibration=x_train[:200]"
        )
    if verification is None:
        raise ExportError(
            "calibration is missing: pass model inputs, for example calibration=x_train[:200], or "
            "verification=x_test, which is enough without quantized activations"
        )


def _check_labels(labels: Sequence[str] | None, signature: ModelSignature) -> None:
    if labels is None:
        return
    if isinstance(labels, str) or not all(isinstance(label, str) for label in labels):
        raise ExportError(f"labels must be a list of names, received {labels!r}")
    size = signature.outputs[0].shape[-1] if signature.outputs[0].shape else None
    if len(signature.outputs) > 1 or len(labels) != size:
        raise ExportError(
            f"labels has {len(labels)} names, expected {size}, one for each output of the model"
        )
