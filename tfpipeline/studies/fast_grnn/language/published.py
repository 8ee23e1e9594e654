"""Perplexities of others on the Penn Treebank, as they published them."""

from __future__ import annotations

from tfpipeline.studies.common.rows import Row

COLUMNS = ("model", "test", "validation", "train", "kilobytes", "params", "source")
_FASTGRNN = "Kusupati et al. (2018)"
_AWD = "Merity, Keskar and Socher (2018), Regularizing and Optimizing LSTM Language Models"
_MOGRIFIER = "Melis, Kocisky and Blunsom (2020), Mogrifier LSTM"


def _row(model: str, source: str, test: float, **more: float | str) -> Row:
    return (
        {name: None for name in COLUMNS} | {"model": model, "source": source, "test": test} | more
    )


#: Mikolov's Penn Treebank, 10,000 words. Those of Kusupati et al. count the cell alone, the others
#: all weights. Later models than the paper are the state of the art without more training data and
#: without adapting to the test text.
PUBLISHED: tuple[Row, ...] = (
    _row("RNN", _FASTGRNN, 144.71, train=68.11, kilobytes=129),
    _row("FastRNN", _FASTGRNN, 127.76, train=109.07, kilobytes=513),
    _row("FastGRNN", _FASTGRNN, 115.92, train=89.58, kilobytes=513),
    _row("FastGRNN, LSQ", _FASTGRNN, 116.11, train=81.31, kilobytes=39),
    _row("UGRNN", _FASTGRNN, 119.71, train=65.25, kilobytes=256),
    _row("LSTM", _FASTGRNN, 117.41, train=69.44, kilobytes=2052),
    _row("FastGRNN + weight decay", _FASTGRNN, 111.57, train=76.89),
    _row("FastGRNN + 2nd layer", _FASTGRNN, 106.23, train=69.37),
    _row("FastGRNN + weight drop", _FASTGRNN, 108.56, train=72.46),
    _row("FastGRNN + AR/TAR", _FASTGRNN, 112.78, train=78.79),
    _row("AWD-LSTM", _AWD, 57.3, validation=60.0, params="24M"),
    _row("Mogrifier LSTM", _MOGRIFIER, 50.1, validation=51.4, params="24M"),
)
