"""Does the runs that the study of recognizers lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfpipeline.studies.low_bit.speech.runs import Recognizer, RunFiles
from tfpipeline.studies.low_bit.speech.settings import FULL, QUICK
from tfpipeline.studies.low_bit.speech.work import do_run
from tfpipeline.studies.speech.pool import SentencePool


class Pool(SentencePool):
    """Trains recognizers of few bits."""

    STORE = "low_bit_speech.rows.jsonl"
    CHOICES = ("rates", "pairs", "deployed", "seeds")
    QUICK, FULL = QUICK, FULL
    work = staticmethod(do_run)

    def files_in(self, out: Path) -> RunFiles:
        return RunFiles(out, self.settings)

    def searched(self) -> list[Recognizer]:
        """Return each pair with all seeds, with the learning rate that suits it.

        With the first seed; see `Settings.rates`.
        """
        seeds, rates, pairs = self.settings.seeds, self.settings.rates, self.settings.pairs
        middle = len(rates) // 2
        tried = {pair: {max(middle - 1, 0), middle} for pair in pairs}
        best: dict[Any, int] = {}
        while True:
            trials = {
                pair: {
                    place: Recognizer(seeds[0], pair[0], pair[1], rates[place])
                    for place in sorted(places)
                }
                for pair, places in tried.items()
            }
            runs = [run for trial in trials.values() for run in trial.values()]
            found = {row["run"]: row["cer_validation"] for row in self.rows(runs, "Learning rates")}
            for pair, trial in trials.items():
                best[pair] = min(trial, key=lambda place: found[trial[place].name])
            further = {
                pair: {place - 1, place + 1} & {*range(len(rates))} - tried[pair]
                for pair, place in best.items()
            }
            if not any(further.values()):
                break
            tried = {pair: places | further[pair] for pair, places in tried.items()}
        return [
            Recognizer(seed, quantizer, normalization, rates[best[quantizer, normalization]])
            for quantizer, normalization in pairs
            for seed in seeds
        ]
