"""The options of a training, shared by the verbs that train a keyword model."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfpipeline.recipes.keyword import KeywordConfig


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="few epochs: to see that it works")
    add_rolling_argument(parser)


def add_rolling_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rolling",
        action="store_true",
        help="train on clips laid end to end, whose states are carried on: for a device that "
        "listens without ever being reset",
    )


def recipe_of(arguments: argparse.Namespace) -> KeywordConfig:
    """Return the settings that the options ask for."""
    from tfpipeline.recipes.keyword import KeywordConfig

    make = KeywordConfig.quick if arguments.quick else KeywordConfig
    recipe = make(arguments.seed)
    return recipe.rolling() if arguments.rolling else recipe
