"""Does the runs that the study of recognizers lacks."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from tfpipeline.studies.common.provenance import file_digest
from tfpipeline.studies.common.training_pool import TrainingPool
from tfpipeline.studies.low_bit.speech.runs import Recognizer, RunFiles
from tfpipeline.studies.low_bit.speech.settings import FULL, QUICK
from tfpipeline.studies.low_bit.speech.work import do_run
from tfpipeline.studies.speech.corpus import prepare_corpus

# What only chooses runs: a run's name says which it is.
_CHOICES = ("rates", "pairs", "deployed", "seeds")


class Pool(TrainingPool):
    """Trains on spoken sentences; see `TrainingPool`."""

    STORE = "low_bit_speech.rows.jsonl"
    QUICK, FULL = QUICK, FULL
    work = staticmethod(do_run)

    def files_in(self, out: Path) -> RunFiles:
        return RunFiles(out, self.settings)

    def prepare(self, data: Path | None) -> str:
        return file_digest(prepare_corpus(self.out, self.settings, data))

    def basis_of_settings(self) -> dict[str, Any]:
        settings = dataclasses.asdict(self.settings)
        return {name: value for name, value in settings.items() if name not in _CHOICES}

    def searched(self) -> list[Recognizer]:
        """Return each pair with all seeds, with the learning rate that suits it.

        Every rate is tried with the first seed; the one with the fewest errors on validation
        sentences counts.
        """
        first, *_ = seeds = self.settings.seeds
        trials = [
            [Recognizer(first, quantizer, normalization, rate) for rate in self.settings.rates]
            for quantizer, normalization in self.settings.pairs
        ]
        found = {
            row["run"]: row["cer_validation"]
            for row in self.rows([run for trial in trials for run in trial], "Learning rates")
        }
        best = [min(trial, key=lambda run: found[run.name]) for trial in trials]
        return [dataclasses.replace(run, seed=seed) for run in best for seed in seeds]
