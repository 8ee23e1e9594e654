"""Audio features: numpy only, shared by training and by the device, streamed or whole."""

from __future__ import annotations

from tfpipeline.features.log_mel import LogMel, LogMelStream
from tfpipeline.features.log_mel_config import LogMelConfig

__all__ = ["LogMel", "LogMelConfig", "LogMelStream"]
