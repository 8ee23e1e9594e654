"""The options of every study of FastGRNN; light, because help shows them."""

from __future__ import annotations

import argparse

from tfpipeline.studies.common.pool_options import add_pool_arguments, pooled_by

pooled = pooled_by("tfpipeline.studies.fast_grnn.pool")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of every study of FastGRNN."""
    add_pool_arguments(parser, "spoken commands (layout of Speech Commands)")
