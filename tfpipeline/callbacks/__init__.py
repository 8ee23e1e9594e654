"""Keras callbacks."""

from __future__ import annotations

from tfpipeline.callbacks.calr import CALR
from tfpipeline.callbacks.rank_monitor import RankMonitor

__all__ = ["CALR", "RankMonitor"]
