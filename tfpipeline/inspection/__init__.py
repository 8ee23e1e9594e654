"""Inspection of `.tflite` files of any origin, without an interpreter.

`inspect_model(path)` says what a file holds, where its bytes are, what a call costs, and which
runtimes can run it. Every offset is checked before it is followed.
"""

from tfpipeline.inspection.claims import NodeClaim, PluginClaims, ask_plugin
from tfpipeline.inspection.coverage import TARGET_NAMES, Coverage, Refusal
from tfpipeline.inspection.inspect_model import inspect_model
from tfpipeline.inspection.model_inspection import ModelInspection
from tfpipeline.inspection.text import render, render_claims, render_trials, safe
from tfpipeline.inspection.trial import Trial, try_model

__all__ = [
    "TARGET_NAMES",
    "Coverage",
    "ModelInspection",
    "NodeClaim",
    "PluginClaims",
    "Refusal",
    "Trial",
    "ask_plugin",
    "inspect_model",
    "render",
    "render_claims",
    "render_trials",
    "safe",
    "try_model",
]
