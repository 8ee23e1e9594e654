"""Where runs leave their models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfpipeline.studies.common.rows import StudyError


@dataclass(frozen=True)
class RunFiles:
    """Where a run leaves its model.

    Args:
        folder: of the study.
        settings: of the study: everything that changes a result, beside the corpus.
    """

    folder: Path
    settings: Any

    def model(self, name: str) -> Path:
        """Return where the model of a run is saved."""
        return self.folder / "models" / f"{name}.keras"

    def trained(self, name: str) -> Path:
        """Return the saved model of a run that is done.

        Raises:
            StudyError: the row is there, and the model is not.
        """
        path = self.model(name)
        if not path.is_file():
            raise StudyError(
                f"{self.folder} has the row of the run {name!r}, and not its model {path}, which "
                "another run starts from: put it back, or choose another folder with --out"
            )
        return path

    def file(self, name: str) -> Path:
        """Return where the file of a run is exported; the fused one is beside it."""
        return self.folder / "models" / f"{name}.tflite"
