"""One export, step by step: convert, calibrate, lower, verify."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from tfpipeline.export.calibrate.calibrate import calibrate
from tfpipeline.export.choose.clipping_search import ChoicesReport, compare_choices
from tfpipeline.export.choose.input_units import mixed_units
from tfpipeline.export.choose.keep_outputs import keep_outputs
from tfpipeline.export.convert.float_graphs import Converted, convert_model
from tfpipeline.export.convert.run_once import try_files
from tfpipeline.export.emit.fused_weights import StoredZeros
from tfpipeline.export.lower.scales import Quantizer
from tfpipeline.export.options import COMPARE, ExportOptions
from tfpipeline.export.quantize.ranges import MINMAX
from tfpipeline.export.recurrent.quantize import RecurrentPlan
from tfpipeline.export.recurrent.wide_weights import plane_layers, wide_layers
from tfpipeline.export.refusal import beyond_range, refusal
from tfpipeline.export.report import ExportReport
from tfpipeline.export.samples.sets import SampleSets
from tfpipeline.export.samples.signature import ModelSignature
from tfpipeline.export.tolerances import Tolerances
from tfpipeline.export.trace.predictions import predict
from tfpipeline.export.verify.against_keras import Reference, verify
from tfpipeline.export.verify.beyond_tolerances import problems_of
from tfpipeline.export.verify.converted_model import ConvertedModel
from tfpipeline.export.verify.drift import drift, problems_of_drift
from tfpipeline.export.verify.layer_errors import layer_errors
from tfpipeline.export.verify.runtimes import in_other_runtimes
from tfpipeline.export.verify.score_kinds import Scores, kinds, scores_of_outputs
from tfpipeline.export.verify.short_sequences import (
    check_samples,
    problems_of_lengths,
    verify_lengths,
)
from tfpipeline.export.verify.telling_samples import check_telling
from tfpipeline.export.write import model_card as cards
from tfpipeline.export.write.write_file import write_file


def card_file(model: Path) -> Path:
    """Where the card beside a model lies."""
    return model.with_suffix(".card.json")


class ExportRun:
    """One export, whose files appear in the folder `work`.

    Args:
        model: The Keras model.
        signature: Its inputs and outputs.
        options: What to write.
        data: Samples.
        tolerances: What to accept.
        work: A folder for files.
        lost: Layers that the options keep in float32 because of their inputs' units, and why.
        metadata: Entries of every file beside the model card.
    """

    def __init__(
        self,
        model: keras.Model,
        signature: ModelSignature,
        options: ExportOptions,
        data: SampleSets,
        tolerances: Tolerances,
        work: Path,
        lost: Mapping[str, str] | None = None,
        metadata: Mapping[str, bytes] | None = None,
    ) -> None:
        self._model = model
        self._signature = signature
        self._options = options
        self._data = data
        self._tolerances = tolerances
        self._work = work
        self._lost = lost or {}
        self._metadata = metadata or {}
        self._seconds: dict[str, float] = {}

    def run(self, given: dict[str, Any], sensitivity: bool) -> ExportReport:
        """Write and verify every file; `given` is the user's part of the model card."""
        signature, work, timed = self._signature, self._work, self._timed
        with timed("convert"):
            chunk = self._options.chunk
            bounded = self._options.bounded
            if bounded:
                check_samples(signature, self._data.samples)
            converted = convert_model(
                self._model, signature, self._data.samples, chunk, work, bounded
            )
            options = self._options
            options = options.without_idle_forms(
                converted.can_fuse(options.modes, options.block_sparse)
            )
        with timed("calibrate"):
            observed = calibrate(
                converted.data,
                converted.whole,
                converted.marked.marked,
                self._data.samples,
                options.modes,
                keep_values=options.clipping != MINMAX,
                streams=any(form.streaming for form in options.forms),
            )
            marked = converted.marked.marked
            quantizer = Quantizer(converted.whole, marked, observed, options.modes)
        held_out = self._data.held_out
        expected = predict(self._model, signature, held_out)
        check_telling(held_out, expected, self._tolerances, self._data.held_out_are)
        scores = scores_of_outputs(self._model, signature, given["labels"], expected)
        reference = Reference(held_out, expected, scores, signature.timed_outputs)
        options, kept_outputs, lost = keep_outputs(
            self._model, signature, self._data.samples, converted, quantizer, options, scores
        )
        with timed("choose"):
            options, choices = self._choose(converted, quantizer, options, scores)
            table = quantizer.table(options.clipping)
        record = dict(self._data.calibration)
        card = given | cards.found_part(observed, table, record, options)
        files = {form: work / options.path(form).name for form in options.forms}
        kept: dict[str, set[str]] = {}
        zeros: dict[str, StoredZeros] = {}
        with timed("lower"):
            for path, forms in options.files().items():
                written = write_file(
                    signature,
                    converted,
                    table,
                    forms,
                    options,
                    card,
                    kinds(scores),
                    self._metadata,
                )
                file = work / path.name
                file.write_bytes(written.data)
                card_file(file).write_text(cards.to_json(written.card))
                zeros |= written.zeros
                for op in written.kept_float:
                    kept.setdefault(op.layer or "(no layer)", set()).add(op.code)
        with timed("try"):
            try_files(files, work)
        with timed("verify"):
            results, agreement = verify(files, reference, self._tolerances)
            problems = problems_of(results, self._tolerances, options.exact_streams)
            lengths = {}
            if bounded:
                lengths = verify_lengths(files, signature, self._model, held_out, scores)
                exact = options.modes.integer_activations
                problems += problems_of_lengths(lengths, self._tolerances, exact)
            tried = ConvertedModel(signature, converted, table, options, held_out, scores)
            drifts = drift(tried, files, work)
            problems += problems_of_drift(drifts, self._tolerances)
            errors = layer_errors(tried, work, sensitivity)
            others = in_other_runtimes(files, held_out)
        report = ExportReport(
            forms=tuple(
                replace(result, path=str(options.path(form)))
                for result, form in zip(results, files, strict=True)
            ),
            report_path=str(options.report_path),
            quantize=options.quantize,
            overrides=dict(options.overrides),
            layers=tuple(_describe(plan) for plan in table.recurrent_plans()),
            kept_float={layer: sorted(codes) for layer, codes in sorted(kept.items())},
            layer_errors=errors,
            drift=drifts,
            runtimes=others,
            lengths=lengths,
            calibration={
                "samples": observed.samples,
                "sha256": observed.sha256,
                **record,
                "clipping": options.clipping,
                "bias_correction": options.correct_bias,
            },
            verification={
                "samples": len(next(iter(held_out.values()))),
                "held_out": self._data.is_held_out,
                "samples_are": self._data.held_out_are,
                **self._data.verification,
                "tolerances": self._tolerances.to_dict(),
            },
            choices=choices,
            forms_agreement=agreement,
            versions=cards.versions(),
            seconds={step: round(value, 3) for step, value in self._seconds.items()},
            float_layers={**self._lost, **kept_outputs},
            zeros=zeros,
            wide_layers=wide_layers(table.recurrent_plans(), options.modes),
            plane_layers=plane_layers(table.recurrent_plans()),
        )
        if problems:
            beyond = beyond_range(tried) if options.uses_ranges else None
            mixed = mixed_units(self._data.samples) if options.uses_ranges else None
            growth = observed.growth
            raise refusal(problems, report, options, lost, beyond, mixed, given["labels"], growth)
        return report

    def _choose(
        self,
        converted: Converted,
        quantizer: Quantizer,
        options: ExportOptions,
        scores: Mapping[str, Scores],
    ) -> tuple[ExportOptions, ChoicesReport | None]:
        """Return the options with clipping and bias correction decided."""
        if options.compares:
            choices = compare_choices(
                self._model,
                self._signature,
                converted,
                quantizer,
                options,
                self._data.samples,
                scores,
                self._tolerances,
                self._work,
            )
            best = choices.best
            return options.with_choice(best.clipping, best.bias_correction), choices
        if options.clipping == COMPARE:
            # There is nothing to choose where nothing is quantized by range.
            return options.with_choice(MINMAX, False), None
        return options, None

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._seconds[step] = time.monotonic() - started


def _describe(plan: RecurrentPlan) -> dict[str, Any]:
    matrices = (*plan.kernel, *plan.recurrent_kernel)
    return {
        "name": plan.name,
        "units": plan.units,
        "features": plan.features,
        "ranks": plan.ranks(),
        "weight_bytes": sum(matrix.values.size * matrix.bits for matrix in matrices) // 8,
    }
