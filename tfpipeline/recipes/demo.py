"""The main job: speech in, a verified and measured int8 model out, with a report."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfpipeline.bench import KeywordRow
from tfpipeline.data import SpeechDataset, load_speech_commands, synthesize_corpus
from tfpipeline.extras import require_modules
from tfpipeline.recipes import measure
from tfpipeline.recipes.atomic import save_model, write_json
from tfpipeline.recipes.demo_config import DemoConfig
from tfpipeline.recipes.demo_results import DemoRun, History, assemble
from tfpipeline.recipes.export_samples import clips_of

if TYPE_CHECKING:
    from tfpipeline.compress import TruncationReport
    from tfpipeline.export import ExportReport
    from tfpipeline.recipes.keyword import KeywordConfig

Results = dict[str, Any]

RESULTS = "results.json"
REPORT = "report.html"


def run_demo(
    out: str | os.PathLike[str],
    config: DemoConfig | None = None,
    data: str | os.PathLike[str] | None = None,
) -> Results:
    """Run all steps of the main job and return what `results.json` holds.

    Args:
        out: folder for models, `results.json` and `report.html`.
        config: the settings; `DemoConfig.small()` for a quick look.
        data: folder of speech in the layout of Speech Commands; None synthesizes one.

    Raises:
        TfpipelineError: a step failed; the message says which and why.

    Example:
        `run_demo("demo-out", DemoConfig.small(seed=7))["ratios"]["fused_vs_stock"]`
    """
    demo = Demo(out, config, data)
    demo.load_data()
    demo.train()
    demo.compress()
    demo.export()
    demo.measure_accuracy()
    demo.measure_latency()
    return demo.report()


class Demo:
    """The steps of the main job, to be called in the order in which they stand here.

    Each file appears in `out` when it is complete. Results and report of an earlier run disappear
    before its models are replaced, so the folder never mixes two runs. A corpus of the same seed
    is used again.

    Args:
        out: folder for models, `results.json` and `report.html`.
        config: the settings; `DemoConfig.small()` for a quick look.
        data: folder of speech in the layout of Speech Commands; None synthesizes one.

    Example:
        `demo = Demo("demo-out"); demo.load_data(); demo.train()`
    """

    dataset: SpeechDataset
    stage1: Any
    stage2: Any
    histories: tuple[History, History]
    truncation: TruncationReport
    exported: ExportReport
    scores: dict[str, np.ndarray]
    streamed: dict[str, float]
    latency: list[KeywordRow]

    def __init__(
        self,
        out: str | os.PathLike[str],
        config: DemoConfig | None = None,
        data: str | os.PathLike[str] | None = None,
    ) -> None:
        self.out = Path(out)
        self.config = config or DemoConfig()
        self.data = None if data is None else Path(data)
        self.voices: dict[str, int] | None = None
        self.seconds: dict[str, float] = {}
        self.command = _command()
        require_modules("tensorflow", "keras", "matplotlib")

    @cached_property
    def recipe(self) -> KeywordConfig:
        """The settings of the training."""
        from tfpipeline.recipes.keyword import KeywordConfig

        seed = self.config.seed
        recipe = KeywordConfig.quick(seed) if self.config.quick else KeywordConfig(seed)
        return recipe.rolling() if self.config.rolling else recipe

    def load_data(self) -> SpeechDataset:
        """Make the corpus, or find the user's, and turn it into features."""
        config, root, limit = (
            self.config,
            self.data,
            None if self.data is None else self.config.limit,
        )
        if root is None:
            with self._step("corpus"):
                corpus = synthesize_corpus(
                    self.out / "corpus",
                    seed=config.seed,
                    train_clips=config.train_clips,
                    validation_clips=config.validation_clips,
                    test_clips=config.test_clips,
                    workers=config.workers,
                )
            if corpus.reused:
                _say(f"Using the corpus of seed {config.seed} that is in {corpus.path} already")
            root, self.voices = corpus.path, dict(corpus.voices)
        with self._step("features"):
            self.dataset = load_speech_commands(
                root, seed=config.seed, limit=limit, workers=config.workers
            )
        for note in self.dataset.skipped:
            _say(f"skipped {note}")
        _say(self.dataset.summary())
        return self.dataset

    def train(self) -> Any:
        """Train stage 1: a factored model under a trace norm."""
        from tfpipeline.recipes import keyword

        with self._step("stage 1"):
            self.stage1, self._history1 = keyword.train_stage1(self.dataset, self.recipe)
        return self.stage1

    def compress(self) -> TruncationReport:
        """Cut every matrix at its rank, and train stage 2."""
        from tfpipeline.recipes import keyword

        with self._step("truncation"):
            small, self.truncation = keyword.compress(self.stage1, self.recipe)
        with self._step("stage 2"):
            self.stage2, history2 = keyword.train_stage2(small, self.dataset, self.recipe)
        self.histories = (self._history1, history2)
        return self.truncation

    def export(self) -> ExportReport:
        """Save both stages and write the verified int8 files."""
        from tfpipeline.export import Tolerances, export

        for stale in (RESULTS, REPORT):
            (self.out / stale).unlink(missing_ok=True)
        save_model(self.stage1, self.out / "stage1.keras")
        save_model(self.stage2, self.out / "stage2.keras")
        with self._step("export and verification"):
            self.exported = export(
                self.stage2,
                self.out / "kws.tflite",
                calibration=clips_of(self.dataset.train, self.config.calibration_clips),
                verification=clips_of(self.dataset.validation, self.config.verification_clips),
                streaming="both",
                labels=self.dataset.labels,
                frontend=self.dataset.log_mel.to_config(),
                tolerances=Tolerances(agreement=self.config.agreement),
            )
        self.portable = measure.FormFiles.of(self.exported.portable, self.exported.stream_portable)
        self.fused = measure.FormFiles.of(self.exported.fused, self.exported.stream_fused)
        return self.exported

    def measure_accuracy(self) -> dict[str, float]:
        """Return the test accuracy of every form, by its name.

        `streamed` has that of the same clips in long recordings, through the streaming files.
        """
        from tfpipeline.recipes import keyword
        from tfpipeline.recipes.streamed_accuracy import streamed_accuracies

        test = self.dataset.test
        with self._step("accuracy"):
            self.scores = {
                measure.STAGE1: keyword.scores(self.stage1, test),
                measure.STAGE2: keyword.scores(self.stage2, test),
                measure.PORTABLE: measure.scores_of_file(self.portable.whole, test.features),
                measure.FUSED: measure.scores_of_file(self.fused.whole, test.features),
            }
        with self._step("streamed accuracy"):
            self.streamed = streamed_accuracies(
                {measure.STAGE1: self.stage1, measure.STAGE2: self.stage2},
                {
                    measure.PORTABLE: self.portable.stream,
                    measure.FUSED: self.fused.stream,
                },
                test,
                self.config.seed,
            )
        return {
            name: measure.accuracy(scores.argmax(axis=-1), test.labels)
            for name, scores in self.scores.items()
        }

    def measure_latency(self) -> list[KeywordRow]:
        """Time both int8 forms and a stock GRU of the same width against each other."""
        from tfpipeline.recipes.baseline import convert_stock_gru

        _, frames, features = self.dataset.test.features.shape
        with self._step("benchmark"):
            stock = convert_stock_gru(
                self.out,
                self.recipe.units,
                labels=len(self.dataset.labels),
                frames=frames,
                features=features,
                seed=self.config.seed,
            )
            self.latency = measure.latency(
                self.portable,
                self.fused,
                stock,
                self.dataset.test,
                parameters=int(self.stage2.count_params()),
                rounds=self.config.rounds,
            )
        return self.latency

    def report(self) -> Results:
        """Write `results.json` and `report.html`."""
        from tfpipeline.report import write_report

        found = DemoRun(
            config=self.config,
            command=self.command,
            seconds=self.seconds,
            dataset=self.dataset,
            voices=self.voices,
            stage1=self.stage1,
            stage2=self.stage2,
            histories=self.histories,
            truncation=self.truncation,
            exported=self.exported,
            scores=self.scores,
            streamed=self.streamed,
            latency=self.latency,
        )
        results = assemble(found, datetime.now(UTC).isoformat(timespec="seconds"))
        with self._step("report"):
            write_report(results, self.out / REPORT)
        write_json(self.out / RESULTS, results)
        return results

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 2)


def _command() -> str:
    name, *arguments = sys.argv or [""]
    return shlex.join([Path(name).name, *arguments])


def _say(line: str) -> None:
    print(line, file=sys.stderr)
