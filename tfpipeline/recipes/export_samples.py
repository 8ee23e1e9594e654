"""Clips of a corpus as samples for an export, which then records their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfpipeline.data import Split

if TYPE_CHECKING:
    from tfpipeline.export import Source


def clips_of(split: Split, count: int) -> Source:
    """Return at most `count` clips of a split, at even distances: corpora are sorted by word."""
    from tfpipeline.export import Source
    from tfpipeline.export.samples.positions import spread_positions

    positions = list(spread_positions(len(split.paths), count))
    files = tuple(split.paths[i] for i in positions)
    return Source(split.features[positions], "corpus", files=files)
