"""The options that name a corpus, shared by the verbs that need one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfpipeline.data import SpeechDataset


def add_data_arguments(parser: argparse._ActionsContainer, required: bool = True) -> None:
    """Add the arguments of a corpus: its folder, and how it is split."""
    add_data_argument(parser, required)
    add_split_arguments(parser)


def add_data_argument(parser: argparse._ActionsContainer, required: bool) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        required=required,
        metavar="DIR",
        help="audio in the layout of Google's Speech Commands, such as demo-out/corpus",
    )


def add_split_arguments(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--limit", type=int, metavar="N", help="use at most N files of each split (default: all)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")


def load_data(arguments: argparse.Namespace) -> SpeechDataset:
    """Load the corpus and say on standard error which files were left out."""
    from tfpipeline.data import load_speech_commands

    dataset = load_speech_commands(arguments.data, seed=arguments.seed, limit=arguments.limit)
    for note in dataset.skipped:
        print(f"skipped {note}", file=sys.stderr)
    print(dataset.summary(), file=sys.stderr)
    return dataset
