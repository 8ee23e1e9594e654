"""Errors of audio files, corpora and the synthesizer."""

from __future__ import annotations

from tfpipeline.errors import TfpipelineError


class AudioError(TfpipelineError):
    """A file that cannot be used as audio."""


class DataError(TfpipelineError):
    """A folder that cannot be used as a corpus."""


class SynthesizerError(TfpipelineError):
    """The speech synthesizer is missing, rejected a voice, or failed."""
