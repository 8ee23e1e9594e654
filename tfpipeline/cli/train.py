"""`tfpipeline train`: stage 1 on a folder of speech."""

from __future__ import annotations

import argparse
from pathlib import Path

from tfpipeline.cli.dataset import add_data_arguments
from tfpipeline.cli.training import add_training_arguments, recipe_of

HELP = "train a factored keyword model under a trace norm (stage 1)"
EXAMPLE = "tfpipeline train --data demo-out/corpus --out stage1.keras"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_data_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, help="the .keras file to write")
    add_training_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.cli.dataset import load_data
    from tfpipeline.recipes import keyword
    from tfpipeline.recipes.atomic import save_model

    recipe = recipe_of(arguments)
    dataset = load_data(arguments)
    model, _ = keyword.train_stage1(dataset, recipe)
    save_model(model, arguments.out)
    print(f"test accuracy {100 * keyword.evaluate(model, dataset.test):.2f} %: {arguments.out}")
    return 0
