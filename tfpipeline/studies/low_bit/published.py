"""Results of others, with few bits and at their best, as they published them."""

from __future__ import annotations

from tfpipeline.studies.common.rows import Row

TEXT_COLUMNS = (
    *("model", "quantizer", "normalization", "war_and_peace", "ptb", "text8"),
    *("kilobytes_war_and_peace", "kilobytes_ptb", "kilobytes_text8", "params", "source"),
)
PIXEL_COLUMNS = ("model", "accuracy", "kilobytes", "source")
_KUSUPATI = "Kusupati et al. (2018), FastGRNN, Pixel-MNIST"
_HOU = "Hou et al. (2019), Normalization Helps Training of Quantized LSTM"
_MERITY = "Merity et al. (2018), An Analysis of Neural Language Modeling at Multiple Scales"
_AL_RFOU = "Al-Rfou et al. (2018), Character-Level Language Modeling with Deeper Self-Attention"
_DAI = "Dai et al. (2019), Transformer-XL"


def _lstm(
    quantizer: str,
    normalization: str,
    bpc: tuple[float, float, float | None],
    kilobytes: tuple[int, int, int] | None = None,
) -> Row:
    values = ("LSTM", quantizer, normalization, *bpc, *(kilobytes or (None,) * 3), None, _HOU)
    return dict(zip(TEXT_COLUMNS, values, strict=True))


def _best(model: str, source: str, **found: float | str) -> Row:
    names = {"model": model, "quantizer": "none", "source": source}
    return {name: None for name in TEXT_COLUMNS} | names | found


#: Bits per character, and kilobytes of the LSTM alone. The last ones are the best models in full
#: precision of their years, without an LSTM's limit on parameters.
TEXTS: tuple[Row, ...] = (
    _lstm("none", "none", (1.72, 1.45, 1.46), (4800, 4504, 63375)),
    _lstm("none", "weight", (1.73, 1.45, 1.48)),
    _lstm("none", "layer", (1.69, 1.43, 1.45)),
    _lstm("none", "batch_shared", (1.72, 1.45, 1.46)),
    _lstm("none", "batch_separate", (1.72, 1.45, 1.46)),
    _lstm("SBN", "batch_separate", (1.78, 1.60, 1.54), (3794, 3785, 27464)),
    _lstm("BinaryConnect", "none", (4.24, 2.51, None), (158, 149, 2011)),
    _lstm("BinaryConnect", "weight", (1.74, 1.50, 1.50), (174, 165, 2073)),
    _lstm("BinaryConnect", "layer", (1.69, 1.49, 1.47), (190, 181, 2136)),
    _lstm("BinaryConnect", "batch_shared", (1.72, 1.51, 1.47), (222, 213, 2261)),
    _lstm("BinaryConnect", "batch_separate", (1.72, 1.50, 1.48), (3390, 3381, 24636)),
    _lstm("STN", "batch_separate", (1.72, 1.60, 1.51), (3944, 3521, 15303)),
    _lstm("TerConnect", "none", (6.35, 5.84, None), (308, 289, 3990)),
    _lstm("TerConnect", "weight", (1.72, 1.42, 1.42), (324, 305, 4053)),
    _lstm("TerConnect", "layer", (1.67, 1.43, 1.44), (340, 321, 4115)),
    _lstm("TerConnect", "batch_shared", (1.70, 1.44, 1.44), (372, 353, 4240)),
    _lstm("TerConnect", "batch_separate", (1.71, 1.45, 1.44), (3540, 3521, 26615)),
    _best("AWD-LSTM, 3 layers", _MERITY, ptb=1.175),
    _best("Transformer, 64 layers", _AL_RFOU, text8=1.13, params="235M"),
    _best("Transformer-XL", _DAI, text8=1.08),
)


def _pixels(model: str, accuracy: float, kilobytes: float) -> Row:
    return dict(zip(PIXEL_COLUMNS, (model, accuracy, kilobytes, _KUSUPATI), strict=True))


#: Test accuracy in % on MNIST, one of 784 pixels a step, in float32 or, the last one, in bytes.
PIXELS: tuple[Row, ...] = (
    _pixels("RNN", 94.10, 71),
    _pixels("FastRNN", 96.44, 166),
    _pixels("SpectralRNN", 97.70, 25),
    _pixels("EURNN", 95.38, 64),
    _pixels("oRNN", 97.20, 49),
    _pixels("FactoredRNN", 94.60, 125),
    _pixels("UGRNN", 97.29, 84),
    _pixels("GRU", 98.70, 123),
    _pixels("LSTM", 97.80, 265),
    _pixels("FastGRNN", 98.72, 71),
    _pixels("FastGRNN, LSQ", 98.20, 6),
)
