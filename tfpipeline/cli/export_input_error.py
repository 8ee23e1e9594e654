"""What an option that names a wrong file is refused with."""

from __future__ import annotations

from tfpipeline.errors import TfpipelineError


class ExportInputError(TfpipelineError):
    """An option that names a file which cannot serve."""
