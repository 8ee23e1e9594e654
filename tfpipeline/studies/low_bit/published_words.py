"""Perplexities of word language models with few bits, as Hou et al. published them."""

from __future__ import annotations

from tfpipeline.studies.common.rows import Row

COLUMNS = (
    *("quantizer", "normalization", "ptb_300", "kilobytes_300", "ptb_650", "kilobytes_650"),
    "source",
)
_HOU = "Hou et al. (2019), Normalization Helps Training of Quantized LSTM"


def _lstm(quantizer: str, normalization: str, *found: float | None) -> Row:
    return dict(zip(COLUMNS, (quantizer, normalization, *found, _HOU), strict=True))


#: On Penn Treebank, with 300 and with 650 units; kilobytes of the LSTM alone.
WORDS: tuple[Row, ...] = (
    _lstm("none", "none", 91.5, 2817, 87.6, 13213),
    _lstm("SBN", "batch_separate", 92.2, 852, 87.2, 2068),
    _lstm("BinaryConnect", "none", 8247.4, 93, 1244.2, 423),
    _lstm("BinaryConnect", "weight", 87.6, 102, 84.8, 443),
    _lstm("BinaryConnect", "layer", 89.4, 111, 82.3, 463),
    _lstm("BinaryConnect", "batch_shared", 92.4, 130, 84.8, 504),
    _lstm("BinaryConnect", "batch_separate", 91.9, 767, 85.6, 1885),
    _lstm("Alternating", "none", 103.1, 180, None, None),
    _lstm("STN", "batch_separate", 90.7, 940, 86.1, 2481),
    _lstm("TerConnect", "none", 113.8, 180, 113.8, 835),
    _lstm("TerConnect", "weight", 86.5, 190, 84.9, 856),
    _lstm("TerConnect", "layer", 88.2, 199, 82.5, 876),
    _lstm("TerConnect", "batch_shared", 90.6, 218, 85.8, 917),
    _lstm("TerConnect", "batch_separate", 91.6, 855, 86.5, 2298),
)
