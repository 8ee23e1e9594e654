"""Made-up results in the agreed form, as plausible as the real ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

LABELS = ["_silence_", "_unknown_"]
LABELS += ["yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"]


@pytest.fixture
def results() -> dict[str, Any]:
    return example_results()


def example_results() -> dict[str, Any]:
    random = np.random.default_rng(0)
    confusion = np.diag(random.integers(78, 90, len(LABELS)))
    confusion[1, 3] = confusion[3, 11] = 2
    confusion[11, 3] = confusion[9, 8] = 1
    timing = {"rounds": 15, "calls_per_round": 100}
    return {
        "title": "Spoken commands: from training to a verified int8 model",
        "created": "2026-11-22T12:00:00+00:00",
        "seed": 0,
        "command": "tfpipeline demo --seed 0",
        "quick": False,
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "dirty": False,
        "machine": {
            "processor": "Example CPU at 2.9 GHz",
            "architecture": "x86_64",
            "flags": ["avx2", "fma", "avx512_vnni"],
            "cores": 2,
        },
        "versions": {"tfpipeline": "0.1.0", "keras": "3.15.1", "ai-edge-litert": "2.3.0"},
        "data": {
            "source": "synthesized with espeak-ng",
            "labels": LABELS,
            "counts": {"train": 8000, "validation": 1000, "test": 1000},
            "voices": {"train": 30, "validation": 6, "test": 6},
            "skipped": 0,
            "converted": 3,
        },
        "training": {
            "stage1": {"history": curves(random, 16, 2.2, 0.985), "seconds": 84.0},
            "stage2": {"history": curves(random, 8, 0.3, 0.988), "seconds": 31.5},
        },
        "singular_values": [
            matrix(name, size, rank)
            for name, size, rank in (
                ("gru_1/kernel", 40, 14),
                ("gru_1/recurrent_kernel", 96, 22),
                ("gru_2/kernel", 96, 19),
                ("gru_2/recurrent_kernel", 96, 25),
            )
        ],
        "forms": [
            form("float stage 1", 130380, 521520, 0.981, None, None, None),
            form("float stage 2", 31500, 126000, 0.979, 1.0, None, None),
            form("portable int8", 31500, 61400, 0.977, 0.996, 310.2, 9.1),
            form("fused int8", 31500, 39800, 0.978, 0.997, 96.4, 1.6),
        ],
        "latency": [
            {
                "name": "stock Keras GRU, dynamic range",
                "bytes": 131000,
                "us_per_utterance": {"min": 398.0, "median": 412.0, "max": 600.0, **timing},
                "us_per_frame": None,
                "runtime": "ai-edge-litert 2.3.0",
            },
            {
                "name": "portable int8",
                "bytes": 61400,
                "us_per_utterance": {"min": 301.0, "median": 310.2, "max": 355.0, **timing},
                "us_per_frame": {"min": 8.8, "median": 9.1, "max": 11.0, **timing},
                "runtime": "ai-edge-litert 2.3.0",
            },
            {
                "name": "fused int8",
                "bytes": 39800,
                "us_per_utterance": {"min": 94.0, "median": 96.4, "max": 120.0, **timing},
                "us_per_frame": {"min": 1.5, "median": 1.6, "max": 2.4, **timing},
                "runtime": "ai-edge-litert 2.3.0 + plug-in",
            },
        ],
        "ratios": {
            "fused_vs_stock": 4.27,
            "fused_vs_portable": 3.22,
            "portable_vs_fused_agreement": 0.998,
        },
        "confusion": {"labels": LABELS, "matrix": confusion.tolist(), "form": "fused int8"},
        "verification": {
            "samples": 1000,
            "tolerances": {"agreement": 0.97, "relative_error": 0.15, "channel_error": 0.3},
            "forms": [
                {"name": "portable", "path": "kws.tflite", "agreement": 0.996, "max_error": 0.81},
                {"name": "fused", "path": "kws.fused.tflite", "agreement": 0.997, "max_error": 0.7},
            ],
        },
        "seconds": {"corpus": 61.2, "features": 14.0, "stage 1": 84.0, "stage 2": 31.5},
    }


def curves(random: np.random.Generator, epochs: int, loss: float, best: float) -> dict[str, Any]:
    fall = loss * np.exp(-np.arange(epochs) / 3) + 0.05
    rise = best - (best - 0.2) * np.exp(-np.arange(epochs) / 1.5) * min(1.0, loss)
    noise = random.uniform(0.9, 1.1, epochs)
    return {
        "loss": fall.tolist(),
        "val_loss": (fall * noise + 0.02).tolist(),
        "accuracy": rise.tolist(),
        "val_accuracy": (rise - 0.01 * noise).tolist(),
        "nu/gru_1/kernel": np.linspace(0.9, 0.3, epochs).tolist(),
    }


def matrix(name: str, size: int, rank: int) -> dict[str, Any]:
    before = 3 * np.exp(-np.arange(size) / (0.35 * rank)) + 1e-4
    return {
        "matrix": name,
        "before": before.tolist(),
        "after": (1.05 * before[:rank]).tolist(),
        "rank_before": size,
        "rank_after": rank,
        "explained_variance": 0.95,
    }


def form(
    name: str,
    parameters: int,
    size: int,
    accuracy: float,
    agreement: float | None,
    utterance: float | None,
    frame: float | None,
) -> dict[str, Any]:
    return {
        "name": name,
        "parameters": parameters,
        "dense_parameters": 130380,
        "kernel_share_of_dense": parameters / 130380,
        "bytes": size,
        "test_accuracy": accuracy,
        "streamed_accuracy": accuracy - 0.0123,
        "agreement_with_stage2": agreement,
        "us_per_utterance": utterance,
        "us_per_frame": frame,
    }
