"""`tfpipeline inspect`: what is in a `.tflite` file, what it costs, and where it runs."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfpipeline.compress import SizeLedger

HELP = "say what any .tflite file holds, what it costs, and which runtimes can run it"
EXAMPLE = "tfpipeline inspect demo-out/kws.tflite --target tflite-micro"

#: Named here too, because `--help` must not load what the inspection needs.
TARGETS = (
    "litert",
    "plugin",
    "tensorflow",
    "tflite-runtime",
    "tflite-runtime+plugin",
    "tflite-micro",
    "esphome",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        type=Path,
        help="a .tflite file of any origin, or a .keras file for the size ledger of its model",
    )
    parser.add_argument(
        "--target",
        choices=TARGETS,
        metavar="NAME",
        help=f"exit with 1 when the file cannot run there: {', '.join(TARGETS)}; "
        "plugin is LiteRT with the tfpipeline plug-in",
    )
    parser.add_argument(
        "--tensors", type=int, default=5, metavar="N", help="largest tensors to list (default: 5)"
    )
    parser.add_argument("--ops", action="store_true", help="list every kind of operator")
    parser.add_argument(
        "--try",
        dest="trial",
        action="store_true",
        help="also run it once in the runtimes installed here, in a limited process",
    )
    parser.add_argument(
        "--accelerate",
        action="store_true",
        help="also ask the plug-in, in a limited process, which builtin nodes it would run with "
        "accelerate_builtin",
    )
    parser.add_argument(
        "--ledger",
        type=Path,
        metavar="MODEL.keras",
        help="also count the bytes of the model behind the file as the FastGRNN paper does, "
        "beside those that the file takes",
    )
    parser.add_argument(
        "--bits",
        type=int,
        choices=(8, 16, 32),
        default=8,
        help="of a number in that count (default: 8)",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.cli.output import one_sentence, print_json, say_error
    from tfpipeline.inspection import (
        ask_plugin,
        inspect_model,
        render,
        render_claims,
        render_trials,
        safe,
        try_model,
    )

    if arguments.file.suffix == ".keras":
        return _ledger_alone(arguments)
    found = inspect_model(arguments.file)
    counted = None if arguments.ledger is None else _ledger(arguments, arguments.ledger)
    wanted = None if arguments.target is None else found.target(arguments.target)
    trials = try_model(arguments.file, plugin=found.needs_plugin) if arguments.trial else []
    claims = ask_plugin(arguments.file) if arguments.accelerate else None
    if arguments.json:
        asked = {} if claims is None else {"accelerate": asdict(claims)}
        tried = {"trials": [asdict(trial) for trial in trials]} if arguments.trial else {}
        ledger = {} if counted is None else {"ledger": counted.to_dict()}
        print_json(found.to_dict() | ledger | asked | tried)
    else:
        print(render(found, tensors=arguments.tensors, all_operators=arguments.ops))
        if counted is not None:
            print(f"\nsize ledger\n{counted}")
        if claims is not None:
            print("\n" + render_claims(claims))
        if arguments.trial:
            print("\n" + render_trials(trials))
    failed = [f"{trial.runtime}: {trial.detail}" for trial in trials if not trial.runs]
    if failed:
        say_error(f"{arguments.file} was tried and does not run in {one_sentence(failed[0])}")
    if claims is not None and claims.problem:
        failed.append(claims.problem)
        say_error(f"{arguments.file} {one_sentence(claims.sentences()[0])}")
    if wanted is None or wanted.runs:
        return 1 if failed else 0
    first = wanted.refusals[0]
    more = f" and {len(wanted.refusals) - 1} more" if len(wanted.refusals) > 1 else ""
    reason = one_sentence(f"{safe(first.what)}: {safe(first.reason, 120)}{more}")
    say_error(f"{arguments.file} cannot run in {wanted.title}: {reason}")
    return 1


def _ledger(arguments: argparse.Namespace, model: Path) -> SizeLedger:
    from tfpipeline.compress import ledger
    from tfpipeline.loading import load_model

    file = None if arguments.file == model else arguments.file
    return ledger(load_model(model, compile=False), bits=arguments.bits, tflite=file)


def _ledger_alone(arguments: argparse.Namespace) -> int:
    """Print the ledger of a Keras model, which runs nowhere and has no operators."""
    from tfpipeline.cli.output import print_json, say_error

    if arguments.target or arguments.trial or arguments.ledger or arguments.accelerate:
        say_error(
            "--target, --try, --accelerate and --ledger need a .tflite file, and "
            f"{arguments.file} is a Keras model; export it first"
        )
        return 2
    counted = _ledger(arguments, arguments.file)
    if arguments.json:
        print_json(counted.to_dict())
    else:
        print(counted)
    return 0
