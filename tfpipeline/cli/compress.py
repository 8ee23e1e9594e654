"""`tfpipeline compress`: cuts a trained model by its singular values and trains stage 2."""

from __future__ import annotations

import argparse
from pathlib import Path

from tfpipeline.cli.dataset import add_data_arguments
from tfpipeline.cli.training import add_training_arguments, recipe_of

HELP = "shrink a trained model by its singular values and train on (stage 2)"
EXAMPLE = "tfpipeline compress stage1.keras --data demo-out/corpus --out stage2.keras"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, help="a .keras file of stage 1")
    add_data_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, help="the .keras file to write")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--explained-variance",
        type=float,
        metavar="SHARE",
        help="share of the squared singular values to keep (default: the recipe's)",
    )
    how.add_argument("--rank", type=int, help="rank of every matrix")
    how.add_argument("--budget-params", type=int, metavar="N", help="most parameters of the model")
    add_training_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.cli.dataset import load_data
    from tfpipeline.cli.output import print_json
    from tfpipeline.loading import load_model
    from tfpipeline.recipes import keyword
    from tfpipeline.recipes.atomic import save_model

    recipe = recipe_of(arguments)
    model = load_model(arguments.model)
    dataset = load_data(arguments)
    small, report = keyword.compress(model, recipe, **_criterion(arguments))
    small, _ = keyword.train_stage2(small, dataset, recipe)
    save_model(small, arguments.out)
    if arguments.json:
        print_json(report.to_dict())
    else:
        print(report)
        print(f"test accuracy {100 * keyword.evaluate(small, dataset.test):.2f} %: {arguments.out}")
    return 0


def _criterion(arguments: argparse.Namespace) -> dict[str, float | int]:
    """Return the one criterion that was given; none leaves the recipe's."""
    given = {
        name: getattr(arguments, name) for name in ("explained_variance", "rank", "budget_params")
    }
    return {name: value for name, value in given.items() if value is not None}
