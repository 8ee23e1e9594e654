"""The options that say how far files may be from Keras, shared by the verbs that compare them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tfpipeline.errors import TfpipelineError

if TYPE_CHECKING:
    from tfpipeline.export import Tolerances

_OPTIONS = {
    "agreement": "--agreement",
    "relative_error": "--relative-error",
    "drift": "--drift",
}
_ADVICE = {
    "forms=('portable',)": "--forms portable",
    "forms=('fused',)": "--forms fused",
    "io='float32'": "--io float32",
    "streaming=False writes them": "the same command without streams writes them",
}
"""What the exporter advises, as options."""


def add_tolerance_arguments(parser: argparse._ActionsContainer, *, drift: bool) -> None:
    """Add one option for each tolerance; `drift` where the verb measures it."""
    parser.add_argument(
        "--agreement",
        type=float,
        metavar="SHARE",
        help="least share of decisions on which a file must choose Keras' label, near ties aside "
        "(default: what is usual for the number format, 0.97 for int8)",
    )
    parser.add_argument(
        "--relative-error",
        type=float,
        metavar="RATIO",
        help="largest error of an output over the standard deviation of Keras' values; a single "
        "channel of several may have twice as much, below 0.9 (default: what is usual for the "
        "number format, 0.15 for int8)",
    )
    if drift:
        parser.add_argument(
            "--drift",
            type=float,
            metavar="TIMES",
            help="how many times larger ten training lengths may make the error of a stream "
            "(default: 2)",
        )


def tolerances_of(arguments: argparse.Namespace, usual: Tolerances) -> Tolerances:
    """Return what is usual, but for what the user said."""
    from dataclasses import replace

    given = {name: getattr(arguments, name, None) for name in _OPTIONS}
    return replace(usual, **{name: value for name, value in given.items() if value is not None})


@contextmanager
def advice_in_options() -> Iterator[None]:
    """While open, a file that disagrees with Keras is an error that names options, not Python.

    What was measured is printed above it, on standard error.
    """
    from tfpipeline.export.errors import VerificationError

    try:
        yield
    except VerificationError as error:
        if error.table:
            print(error.table, file=sys.stderr)
        bounds = error.acceptable.items()
        options = " ".join(f"{_OPTIONS[name]} {bound:g}" for name, bound in bounds)
        sentence = error.advising(options)
        for argument, option in _ADVICE.items():
            sentence = sentence.replace(argument, option)
        raise TfpipelineError(sentence) from error
