"""Callbacks of `fit`: learning rates, ranks as they fall, pruning."""

from __future__ import annotations

from tfpipeline.callbacks.calr import CALR
from tfpipeline.callbacks.cyclical_lr import CyclicalLR
from tfpipeline.callbacks.gradual_pruning import GradualPruning, percentiles
from tfpipeline.callbacks.iterative_hard_thresholding import IterativeHardThresholding
from tfpipeline.callbacks.keep_zeros import KeepZeros
from tfpipeline.callbacks.learning_rate_multipliers import LearningRateMultipliers
from tfpipeline.callbacks.polynomial_pruning import PolynomialPruning
from tfpipeline.callbacks.rank_monitor import RankMonitor
from tfpipeline.callbacks.second_moments import SecondMoments
from tfpipeline.callbacks.spectral_monitor import SpectralMonitor
from tfpipeline.callbacks.step_clipping import StepClipping

__all__ = [
    "CALR",
    "CyclicalLR",
    "GradualPruning",
    "IterativeHardThresholding",
    "KeepZeros",
    "LearningRateMultipliers",
    "PolynomialPruning",
    "RankMonitor",
    "SecondMoments",
    "SpectralMonitor",
    "StepClipping",
    "percentiles",
]
