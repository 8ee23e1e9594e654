"""The splits of every corpus, and the part of a noise that each of them hears."""

from __future__ import annotations

SPLITS = ("train", "validation", "test")

# Parts of every noise file, in the order of the splits. A synthesized babble is made by part, and
# silence is cut from the same parts, so that no stretch of noise is heard in two splits.
_NOISE_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def noise_part(split: str, samples: int) -> tuple[int, int]:
    """Return where the part of a noise that belongs to a split starts and ends.

    Args:
        split: "train", "validation" or "test".
        samples: length of the whole noise.

    Returns:
        The first sample of the part, and the first one behind it.

    Example:
        >>> noise_part("validation", 1000)
        (800, 900)
    """
    start = 0.0
    for name in SPLITS[: SPLITS.index(split)]:
        start += _NOISE_SHARES[name]
    return round(start * samples), round((start + _NOISE_SHARES[split]) * samples)
