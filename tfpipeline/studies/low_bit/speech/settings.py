"""How much the study of recognizers with few bits trains."""

from __future__ import annotations

from dataclasses import dataclass

NORMALIZATIONS = (None, "weight", "layer", "batch_shared")
#: Quantizers and normalizations that are compared. Those with a scale of the whole matrix are there
#: without normalization only: under one the scale cancels, and they are those of magnitude 1.
PAIRS: tuple[tuple[str | None, str | None], ...] = (
    *((quantizer, kind) for quantizer in (None, "BinaryConnect") for kind in NORMALIZATIONS),
    *(("TerConnect", kind) for kind in NORMALIZATIONS),
    *(("BWN", None), ("TWN", None)),
)
# What the claims need, and the normalization that costs nothing at inference with each.
_QUICK_PAIRS: tuple[tuple[str | None, str | None], ...] = (
    *((None, None), (None, "weight")),
    *(("TerConnect", kind) for kind in NORMALIZATIONS),
    *(("BinaryConnect", None), ("BinaryConnect", "weight"), ("TWN", None)),
)
#: Pairs whose models are exported, and the mode.
DEPLOYED: tuple[tuple[str | None, str | None, str], ...] = (
    *((None, None, mode) for mode in ("float32", "int8")),
    *(("TerConnect", kind, "w2a8") for kind in NORMALIZATIONS if kind),
)


@dataclass(frozen=True)
class Settings:
    """Everything that changes a result, beside the sentences.

    Args:
        train, validation, test: sentences of the synthesized corpus; at most so many of another.
        max_seconds: longer recordings are left out.
        units, dense, filters, kernels: see `tfpipeline.models.ds2`.
        memory_frames: the same.
        batch_size: utterances.
        epochs: passes over the training sentences.
        rates: highest learning rates, low to high, that a pair is tried with on the first seed: the
            two in the middle, and beyond the better one as long as errors on validation sentences
            fall. That with the fewest is the pair's.
        last_rate: share of it that is left at the end; it falls along a cosine.
        watched: utterances on which gradients are measured.
        pairs: of a quantizer and a normalization, by name, None for neither.
        deployed: those of them that are exported, and the mode of `tfpipeline.export.export`.
        seeds: of every pair, three or more.
    """

    train: int = 2000
    validation: int = 250
    test: int = 250
    max_seconds: float = 2.1
    units: tuple[int, ...] = (48, 56, 64)
    dense: int = 64
    filters: tuple[int, int] = (8, 4)
    kernels: tuple[tuple[int, int], ...] = ((5, 5), (5, 5))
    memory_frames: float = 5.0
    batch_size: int = 16
    epochs: int = 12
    rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2, 3e-2)
    last_rate: float = 0.05
    watched: int = 2
    pairs: tuple[tuple[str | None, str | None], ...] = _QUICK_PAIRS
    deployed: tuple[tuple[str | None, str | None, str], ...] = DEPLOYED
    seeds: tuple[int, ...] = (0, 1, 2)


QUICK = Settings()
FULL = Settings(
    train=20_000,
    validation=1000,
    test=1000,
    max_seconds=16.0,
    units=(512, 512, 512),
    dense=512,
    filters=(32, 32),
    kernels=((11, 21), (11, 11)),
    epochs=40,
    rates=(3e-4, 1e-3, 3e-3, 1e-2),
    pairs=PAIRS,
)
