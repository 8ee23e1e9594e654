"""Audio features, shared by training and by the device, streamed or whole."""

from __future__ import annotations

from tfpipeline.features.front_end import FrontEnd, FrontEndStream, front_end_of, windows_of
from tfpipeline.features.log_mel import LogMel, LogMelStream
from tfpipeline.features.log_mel_config import LogMelConfig
from tfpipeline.features.micro_frontend import MicroFrontend, MicroFrontendStream

__all__ = [
    "FrontEnd",
    "FrontEndStream",
    "LogMel",
    "LogMelConfig",
    "LogMelStream",
    "MicroFrontend",
    "MicroFrontendStream",
    "front_end_of",
    "windows_of",
]
