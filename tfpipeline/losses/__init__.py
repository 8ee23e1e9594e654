"""Losses of sequences whose alignment is unknown, and the labels they take."""

from __future__ import annotations

from tfpipeline.losses.ctc import CTC
from tfpipeline.losses.gram_ctc import GramCTC
from tfpipeline.losses.packed_labels import pack_labels

__all__ = ["CTC", "GramCTC", "pack_labels"]
