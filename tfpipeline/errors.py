"""Errors for a person: one sentence with what was expected, what came, and what to do."""

from __future__ import annotations


class TfpipelineError(Exception):
    """Base of every error that the command line prints as one sentence, with exit status 1."""
