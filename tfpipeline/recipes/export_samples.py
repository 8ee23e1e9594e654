"""Clips of a corpus as samples for an export, which then records their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfpipeline.data import Split

if TYPE_CHECKING:
    from tfpipeline.export import Source


def clips_of(split: Split, count: int) -> Source:
    """The first `count` clips of a split."""
    from tfpipeline.export import Source

    return Source(split.features[:count], "corpus", files=split.paths[:count])
