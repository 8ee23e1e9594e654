"""Models of text: classifiers, a tagger, an encoder-decoder; word vectors for their tables."""

from __future__ import annotations

from tfpipeline.data.text.load_vectors import load_vectors
from tfpipeline.models.text.dan import dan
from tfpipeline.models.text.dan_rand import dan_rand
from tfpipeline.models.text.encoder_decoder import encoder_decoder
from tfpipeline.models.text.fast_grnn import fast_grnn
from tfpipeline.models.text.gru import gru
from tfpipeline.models.text.lstm import lstm
from tfpipeline.models.text.presets import PRESETS, TextPreset
from tfpipeline.models.text.qrnn import qrnn
from tfpipeline.models.text.tagger import tagger
from tfpipeline.models.text.text_vectorization import text_vectorization
from tfpipeline.models.text.without_masks import without_masks

__all__ = [
    "PRESETS",
    "TextPreset",
    "dan",
    "dan_rand",
    "encoder_decoder",
    "fast_grnn",
    "gru",
    "load_vectors",
    "lstm",
    "qrnn",
    "tagger",
    "text_vectorization",
    "without_masks",
]
