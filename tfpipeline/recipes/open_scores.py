"""Opens a model of whatever kind as a stream of scores."""

from __future__ import annotations

from pathlib import Path

from tfpipeline.recipes.run_inputs import RunError
from tfpipeline.recipes.score_stream import ScoreStream, StreamedScores, WindowedScores
from tfpipeline.runtime.model_card import read_card, step_card
from tfpipeline.runtime.tflite_file import TFLiteFile


def open_scores(
    model: str | Path,
    hop_seconds: float = 0.1,
    card: str | Path | None = None,
    runtime: str | None = None,
) -> ScoreStream:
    """Open a model.

    Args:
        model: a streaming or whole-sequence `.tflite` file of this package, or a `.keras` file.
        hop_seconds: from one window of a whole-sequence model to the next.
        card: of a `.keras` file, which has none: the `.card.json` or `.tflite` of its export.
        runtime: as in `tfpipeline.Interpreter`.

    Raises:
        RunError: the model cannot listen to audio, or `card` does not belong to it.
        ModelFileError, ModelLoadError: the file cannot be loaded.
        InputError: the card does not say what its scores are.
    """
    if Path(model).suffix.lower() == ".keras":
        from tfpipeline.recipes.keras_scores import KerasScores

        return KerasScores(Path(model), card)
    if card is not None:
        raise RunError(f"{model} has a card of its own; leave --card out.")
    found = read_card(TFLiteFile(model))
    if found["streaming"] or step_card(found) is not None:
        return StreamedScores(model, runtime)
    return WindowedScores(model, hop_seconds, runtime)
