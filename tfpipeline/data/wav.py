"""Older name of `tfpipeline.data.audio.wav`, which programs outside this package still import."""

from tfpipeline.data.audio.wav import (
    SAMPLE_RATE,
    WavAudio,
    decode_wav,
    open_wav,
    read_wav,
    to_int16,
    to_mono,
    write_wav,
)

__all__ = [
    "SAMPLE_RATE",
    "WavAudio",
    "decode_wav",
    "open_wav",
    "read_wav",
    "to_int16",
    "to_mono",
    "write_wav",
]
