"""The options of every low-rank study; light, because help shows them."""

from __future__ import annotations

import argparse

from tfpipeline.studies.common.pool_options import add_pool_arguments, pooled_by

pooled = pooled_by("tfpipeline.studies.low_rank.pool")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of every low-rank study."""
    add_pool_arguments(parser, "a corpus of sentences (LibriSpeech, WSJ or Kaldi layout)")
