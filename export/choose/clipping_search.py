"""Which clipping suits a model best, with or without bias correction: all of them, tried.

Each choice is lowered to one whole-sequence file from the one float graph and calibration, which
takes a moment, and compared with Keras on calibration samples that its ranges do not come from:
rules that clip look best on the very values they were chosen on, min-max where nothing new comes.
The verification samples have no say, so that what the report shows of them stays an unbiased
measure of the choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import keras

from tfpipeline.export.calibrate.observations import held_back
from tfpipeline.export.convert.float_graphs import Converted
from tfpipeline.export.convert.run_once import try_files
from tfpipeline.export.lower.scales import Quantizer
from tfpipeline.export.options import ExportOptions, Form
from tfpipeline.export.quantize.ranges import CLIPPINGS
from tfpipeline.export.samples.signature import ModelSignature, Samples
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.trace.predictions import predict
from tfpipeline.export.verify.against_keras import Reference, measure
from tfpipeline.export.verify.score_kinds import Scores
from tfpipeline.export.write.write_file import write_file
from tfpipeline.progress import progress


@dataclass(frozen=True)
class Choice:
    """One choice.

    Args:
        clipping: How calibration ranges are chosen.
        bias_correction: Whether biases take up the mean error of rounded weights.
        relative_error: Against Keras, over all channels of the output nearest to its bounds.
        channel_error: Of its worst channel.
        agreement: Share of decisions that are Keras'; None where no output decides.
        chosen: Whether the files are written with it.
    """

    clipping: str
    bias_correction: bool
    relative_error: float
    channel_error: float
    agreement: float | None
    chosen: bool = False


@dataclass(frozen=True)
class ChoicesReport:
    """All choices, compared.

    Args:
        choices: An entry each.
        form: The form they were compared in.
        samples: Number of calibration samples they were compared on.
        held_back: Whether ranges came from other samples for that; otherwise there were too few.
    """

    choices: tuple[Choice, ...]
    form: str
    samples: int
    held_back: bool

    @property
    def best(self) -> Choice:
        return next(choice for choice in self.choices if choice.chosen)

    def __str__(self) -> str:
        others = "held back from calibration" if self.held_back else "of the calibration itself"
        lines = [
            f"clipping and bias correction, {self.form} form, {self.samples} samples {others}:",
            f"{'clipping':<12} {'bias correction':<16} {'relative error':>14} "
            f"{'worst channel':>14} {'agreement':>10}",
        ]
        for choice in self.choices:
            agreement = "" if choice.agreement is None else f"{100 * choice.agreement:.2f} %"
            mark = "  chosen" if choice.chosen else ""
            row = (
                f"{choice.clipping:<12} {'yes' if choice.bias_correction else 'no':<16} "
                f"{choice.relative_error:>14.4f} {choice.channel_error:>14.4f} "
                f"{agreement:>10}{mark}"
            )
            lines.append(row.rstrip())
        return "\n".join(lines)


def compare_choices(
    model: keras.Model,
    signature: ModelSignature,
    converted: Converted,
    quantizer: Quantizer,
    options: ExportOptions,
    samples: Samples,
    scores: Mapping[str, Scores],
    tolerances: Tolerances,
    work: Path,
) -> ChoicesReport:
    """Try every choice; the one furthest within its bounds is chosen, the first of equals.

    Args:
        model: The Keras model.
        signature: Its inputs and outputs.
        converted: Its float graphs.
        quantizer: Makes scales of what all calibration samples showed.
        options: Of the export.
        samples: The calibration samples.
        scores: What the entries of each output are.
        tolerances: The bounds, of which one must not be spared at the cost of the other.
        work: A folder for files.
    """
    apart = list(held_back(len(next(iter(samples.values())))))
    if apart:
        samples = {name: values[apart] for name, values in samples.items()}
    expected = predict(model, signature, samples)
    reference = Reference(samples, expected, scores, signature.timed_outputs)
    # Where no activations are quantized, ranges matter to the inputs of our ops only.
    form = Form(fused=not options.modes.needs_ranges, streaming=False)
    path, count = work / "choice.tflite", len(next(iter(samples.values())))
    found, shares = [], []
    with progress("Comparing clipping", 2 * len(CLIPPINGS) * count) as bar:
        for clipping in CLIPPINGS:
            table = quantizer.table(clipping, all_samples=not apart)
            for correct_bias in (False, True):
                tried = replace(options.with_choice(clipping, correct_bias), bounded=False)
                card = {"labels": None}
                written = write_file(signature, converted, table, (form,), tried, card)
                path.write_bytes(written.data)
                try_files({form: path}, work)
                one = measure(form, path, reference, tolerances, bar.advance)
                errors = one.relative_error, one.channel_error
                found.append(Choice(clipping, correct_bias, *errors, one.agreement))
                shares.append(tolerances.exhausted(*errors))
    best = min(range(len(found)), key=shares.__getitem__)
    found[best] = replace(found[best], chosen=True)
    return ChoicesReport(tuple(found), form.name, count, bool(apart))
