"""The options of the studies of few bits on pixels; light, because help shows them."""

from __future__ import annotations

import argparse

from tfpipeline.studies.common.pool_options import add_pool_arguments, pooled_by

pooled = pooled_by("tfpipeline.studies.low_bit.pool")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a study on pixels."""
    add_pool_arguments(parser, "folder of MNIST (IDX files)", "the digits of scikit-learn")
