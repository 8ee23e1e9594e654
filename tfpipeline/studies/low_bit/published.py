"""Results of others with few bits, as they published them."""

from __future__ import annotations

from tfpipeline.studies.common.rows import Row

TEXT_COLUMNS = ("quantizer", "normalization", "war_and_peace", "ptb", "text8", "source")
PIXEL_COLUMNS = ("model", "accuracy", "kilobytes", "source")
_KUSUPATI = "Kusupati et al. (2018), FastGRNN, Pixel-MNIST"
_HOU = "Hou et al. (2019), Normalization Helps Training of Quantized LSTM"


def _text(quantizer: str, normalization: str, *bpc: float | None) -> Row:
    return dict(zip(TEXT_COLUMNS, (quantizer, normalization, *bpc, _HOU), strict=True))


#: Bits per character of an LSTM.
TEXTS: tuple[Row, ...] = (
    _text("none", "none", 1.72, 1.45, 1.46),
    _text("none", "weight", 1.73, 1.45, 1.48),
    _text("none", "layer", 1.69, 1.43, 1.45),
    _text("none", "batch_shared", 1.72, 1.45, 1.46),
    _text("none", "batch_separate", 1.72, 1.45, 1.46),
    _text("SBN", "batch_separate", 1.78, 1.60, 1.54),
    _text("BinaryConnect", "none", 4.24, 2.51, None),
    _text("BinaryConnect", "weight", 1.74, 1.50, 1.50),
    _text("BinaryConnect", "layer", 1.69, 1.49, 1.47),
    _text("BinaryConnect", "batch_shared", 1.72, 1.51, 1.47),
    _text("BinaryConnect", "batch_separate", 1.72, 1.50, 1.48),
    _text("STN", "batch_separate", 1.72, 1.60, 1.51),
    _text("TerConnect", "none", 6.35, 5.84, None),
    _text("TerConnect", "weight", 1.72, 1.42, 1.42),
    _text("TerConnect", "layer", 1.67, 1.43, 1.44),
    _text("TerConnect", "batch_shared", 1.70, 1.44, 1.44),
    _text("TerConnect", "batch_separate", 1.71, 1.45, 1.44),
)


def _pixels(model: str, accuracy: float, kilobytes: float) -> Row:
    return dict(zip(PIXEL_COLUMNS, (model, accuracy, kilobytes, _KUSUPATI), strict=True))


#: Test accuracy in % on MNIST, one of 784 pixels a step, in float32 or, the last one, in bytes.
PIXELS: tuple[Row, ...] = (
    _pixels("RNN", 94.10, 71),
    _pixels("FastRNN", 96.44, 166),
    _pixels("UGRNN", 97.29, 84),
    _pixels("GRU", 98.70, 123),
    _pixels("LSTM", 97.80, 265),
    _pixels("FastGRNN", 98.72, 71),
    _pixels("FastGRNN, LSQ", 98.20, 6),
)
