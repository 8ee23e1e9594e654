"""Recipes that put all parts to work: the main job, and the steps behind the command line.

Names are looked up when used, so that importing this package loads neither Keras nor a runtime.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "Demo": "demo",
    "DemoConfig": "demo_config",
    "FrameLabels": "stream_frames",
    "RecordingBatches": "recording_batches",
    "RollingBatches": "rolling_batches",
    "RollingModel": "rolling_model",
    "StreamTraining": "stream_training",
    "StreamSettings": "stream_evaluation",
    "evaluate_stream": "stream_evaluation",
    "read_stream_frames": "stream_frames",
    "run_demo": "demo",
    "run_file": "runner",
    "train_on_recordings": "stream_training",
    "verify_files": "verifier",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
