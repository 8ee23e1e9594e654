"""Sizes and regularization of the models of text."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class TextPreset:
    """What a model of text is made of.

    Args:
        width: numbers of a word's vector, where no table of vectors is given.
        units: of the recurrent layer.
        dense: widths of the dense layers of a deep averaging network.
        dropout: of the words' vectors, of each dense layer and of the last state.
        l2: strength s of the penalty `s/2 * (sum of squares)` of each kernel; tables of words and
            biases have none.
    """

    width: int = 300
    units: int = 150
    dense: tuple[int, ...] = (1024, 512)
    dropout: float = 0.4
    l2: float = 0.005


PRESETS = {
    # Acharya et al. (2019), the models of Tables 1 to 3.
    "paper": TextPreset(),
    # Trains in seconds on a CPU.
    "small": TextPreset(width=64, units=48, dense=(128, 64), dropout=0.3, l2=1e-4),
}


def preset_of(function: str, preset: str | TextPreset) -> TextPreset:
    """Return the preset of a name, or the given one.

    Raises:
        ValueError: naming the function, for an unknown name.
    """
    if isinstance(preset, TextPreset):
        return preset
    if preset not in PRESETS:
        raise ValueError(
            f"{function}: preset must be one of {', '.join(PRESETS)} or a TextPreset; received "
            f"{preset!r}."
        )
    return PRESETS[preset]
