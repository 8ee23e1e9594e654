"""Detection of words in a stream of scores, and how often it is wrong; needs NumPy only."""

from __future__ import annotations

from tfpipeline.detection.curve import DetectionCurve, OperatingPoint
from tfpipeline.detection.cutoff_sweep import CutoffSweep, default_cutoffs
from tfpipeline.detection.detector import Detection, Detector

__all__ = [
    "CutoffSweep",
    "Detection",
    "DetectionCurve",
    "Detector",
    "OperatingPoint",
    "default_cutoffs",
]
