"""The options of the studies of embeddings; light, because help shows them."""

from __future__ import annotations

import argparse

from tfpipeline.studies.common.pool_options import add_pool_arguments, pooled_by
from tfpipeline.studies.embeddings.settings import DATA

pooled = pooled_by("tfpipeline.studies.embeddings.pool")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a study of embeddings."""
    names = ", ".join(DATA)
    add_pool_arguments(parser, f"sentences: {names}, or a folder", DATA[0])
