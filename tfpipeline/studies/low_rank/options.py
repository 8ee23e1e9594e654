"""The command line options of every low-rank study; light, because help shows them."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of every low-rank study."""
    parser.add_argument(
        "--data",
        type=Path,
        help="a corpus of sentences (LibriSpeech, WSJ or Kaldi layout); default: a synthesized one",
    )
    parser.add_argument(
        "--backend",
        choices=("jax", "tensorflow"),
        help="of Keras in the processes that train (default: jax where it is installed)",
    )
